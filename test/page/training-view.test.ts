import t, { type Test } from 'tap'
import { VERDICTS } from '../../src/core/training/run.js'
import type { Suite } from '../../src/page/api.js'
import { openPage } from './open-page.js'
import { ago, example, failure, serviceWith } from './replies.js'

const [summary] = example('runs').runs
const [suite] = example('run').suites
const [context] = example('run').contexts
const openSuite = async (t: Test, changes: Partial<Suite> = {}) =>
  await openPage(t, '#/training/q-rl-7', serviceWith({ run: example('run', { suites: [{ ...suite!, ...changes }] }) }))

t.test('runs are listed with the newest figures of each suite', async (t) => {
  const suites = [summary!.suites[0]!, { ...summary!.suites[0]!, suite: 'math', step: 12_000, verdicts: ['truncation', 'tokens_collapsed'] as const }]
  const page = await openPage(t, '#/training', serviceWith({ runs: { runs: [{ ...summary!, updated_at: ago(90_000), suites }] } }))
  t.same(page.table('Training runs'), [
    ['Run', 'Suite', 'Step', 'EM', 'Mean tokens', 'Verdicts', 'Last report'],
    ['q-rl-7', 'gsm8k', '1,200', '71.0 %', '812', '–', '1 d ago'],
    ['q-rl-7', 'math', '12,000', '71.0 %', '812', '▲ truncation ✓ tokens collapsed', '1 d ago'],
  ])
  page.all('main a')[0]!.click()
  await page.shows('Suite gsm8k')
})

t.test('without a run, or while runs cannot be read, the page says so', async (t) => {
  const none = await openPage(t, '#/training', serviceWith({ runs: { runs: [] } }))
  t.match(none.card('Runs'), 'No run has reported a checkpoint yet.')
  t.match(none.card('Runs'), '/v1/training-runs/my-run/checkpoints', 'with the call that reports one')
  const unread = await openPage(t, '#/training', serviceWith({ runs: failure(403, 'FORBIDDEN', 'The token may not read runs.') }))
  t.match(unread.card('Runs'), '▲ The token may not read runs.')
})

t.test('a run shows its checkpoints and their forecast, with intervals where there are any', async (t) => {
  const page = await openSuite(t)
  t.match(page.text(), /Last report 25 Nov 2026, \d\d:\d\d:11/)
  t.same(page.table('EM by step, gsm8k'), [
    ['Step', 'EM', 'Interval'], ['1,200', '71.0 %', '68.5 % to 73.4 %'], ['1,400', '73.5 % (forecast)', '– to –'],
  ])
  t.same(page.table('Mean tokens by step, gsm8k'), [
    ['Step', 'Mean tokens', 'Interval'], ['1,200', '812', '780 to 845'], ['1,400', '832 (forecast)', '– to –'],
  ])
  const estimated = await openSuite(t, { points: [{ ...suite!.points[0]!, em_estimate_low: 0.7, em_estimate_high: 0.72 }] })
  t.same(estimated.table('EM by step, gsm8k')[1], ['1,200', '71.0 % (estimated)', '68.5 % to 73.4 %'])
  t.notMatch(page.card('Suite gsm8k'), 'that were forecast', 'none has been yet')
  const coverage = { level: 0.9, em: { held_out: 5, covered: 4 }, tokens: { held_out: 5, covered: 5 } }
  const checked = await openSuite(t, { coverage })
  t.match(checked.card('Suite gsm8k'), 'Of 5 checkpoints that were forecast, EM fell into its interval 4 times, and tokens 5 of 5 times; 90 % should.')
})

t.test('the forecast is drawn in another colour, and whole percents without a decimal', async (t) => {
  const points = [0.5, 0.6, 0.7].map((em, i) => ({ ...suite!.points[0]!, step: 400 * (i + 1), em, em_low: em - 0.05, em_high: em + 0.05 }))
  const page = await openSuite(t, { points })
  const { texts, shapes } = page.chart('EM by step, gsm8k')
  t.ok(texts.includes('Step') && texts.includes('EM'))
  t.ok(texts.includes('60 %') && !texts.some((text) => text.endsWith('.0 %')), texts.join(', '))
  const forecast = shapes.find(({ colour, dash }) => colour === page.paletteOf('warn') && dash.length > 0)
  t.equal(forecast?.points.length, 2, 'from the newest checkpoint on')
})

t.test('verdicts are listed with their tests and figures, good news in green', async (t) => {
  const verdicts = [
    { verdict: 'truncation', tests: VERDICTS.truncation, figures: { truncated_rate: 0.123456, truncated_rate_low: 0.1, em_slope: -0.0000123, tokens: 6 } },
    { verdict: 'tokens_collapsed', tests: VERDICTS.tokens_collapsed, figures: {} },
  ] as const
  const page = await openSuite(t, { verdicts })
  t.same(page.all('.facts li').map((fact) => fact.textContent.trim()), [
    `▲ truncation ${VERDICTS.truncation} truncated rate 12.3\u00a0%, truncated rate low 10.0\u00a0%, EM slope −0.0012\u00a0pt a step, tokens 6`, `✓ tokens collapsed ${VERDICTS.tokens_collapsed}`,
  ])
  const [bad, good] = page.all('.facts .badge')
  t.equal(page.colourOf(bad!), page.paletteOf('warn'))
  t.equal(page.colourOf(good!), page.paletteOf('good'))
})

t.test('no verdict is good news only while EM neither falls nor moves with the tokens', async (t) => {
  const { trend } = suite!
  const points = Array.from({ length: 6 }, (_, i) => ({ ...suite!.points[0]!, step: 100 * (i + 1) }))
  type Slope = Partial<NonNullable<typeof trend.em>>
  const open = (em: Slope, perPercent: Slope | null, checkpoints = points) => {
    const slope = perPercent === null ? null : { ...trend.em!, ...perPercent }
    return openSuite(t, { points: checkpoints, trend: { ...trend, em: { ...trend.em!, ...em }, em_per_percent_of_tokens: slope } })
  }
  const saidOf = async (...changes: Parameters<typeof open>) => {
    const [said] = (await open(...changes)).all('.calm, .verdict')
    return [said!.className, said!.textContent]
  }
  const NONE = ' No verdict applies to the newest checkpoints'
  t.same(await saidOf({}, { low: -0.1, high: 0.1 }), ['calm', `✓${NONE}.`])
  t.same(await saidOf({}, null), ['calm', `✓${NONE}.`])
  t.same(await saidOf({}, { low: 0.1, high: 0.2 }), ['verdict', `△${NONE}, but EM rises and falls with the tokens.`])
  t.same(await saidOf({}, { low: -0.2, high: -0.1 }), ['verdict', `△${NONE}, but EM falls as the tokens rise, and rises as they fall.`])
  t.same(await saidOf({ low: -0.2, high: -0.1 }, null), ['verdict warn', `△${NONE}, but EM falls.`])
  const few = await open({}, null, points.slice(0, 5))
  t.same(few.all('.calm, .verdict'), [])
  t.match(few.card('Suite gsm8k'), 'No verdict yet: most take 6 checkpoints or more.')
})

t.test('EM is drawn against tokens, with its slope and the interval', async (t) => {
  const points = [0.5, 0.6, 0.7, 0.65].map((em, i) => ({ ...suite!.points[0]!, step: 400 * (i + 1), em, tokens_mean: 900 - 50 * i }))
  const page = await openSuite(t, { points })
  t.match(page.card('Suite gsm8k'), 'A percent of tokens more goes with 0.81 pt of EM (0.52 pt to 1.13 pt with 95 %), over the last 6 checkpoints.')
  t.same(page.table('EM against tokens, gsm8k').map(([step]) => step), ['Step', '1,600', '1,200', '800', '400'], 'the fewest tokens first')
  const { shapes } = page.chart('EM against tokens, gsm8k')
  t.ok(shapes.some(({ colour, points }) => colour === page.paletteOf('muted' as 'warn') && points.length === 4), 'the slope')
  t.match((await openSuite(t, { trend: { ...suite!.trend, em_per_percent_of_tokens: null } })).card('Suite gsm8k'), 'No slope of EM against tokens is known yet.')
})

t.test('the advice for contexts states its reason', async (t) => {
  const advice = [context!.advice[0]!, { ...context!.advice[0]!, context: 'model=bold-8b,task=a', advice: 'stop_early' as const, reason: 'certified' as const, threshold: 0.97, em_drop: 0.012, generations: 1240 }]
  const page = await openPage(t, '#/training/q-rl-7', serviceWith({ run: example('run', { contexts: [{ ...context!, advice }] }) }))
  t.same(page.table('Advice').slice(1), [
    ['model=bold-8b', 'run in full', 'little evidence', 'never stop', '–', '0'],
    ['model=bold-8b,task=a', 'stop early', 'certified', '0.97', '1.20 pt', '1,240'],
  ])
  const none = await openPage(t, '#/training/q-rl-7', serviceWith({ run: example('run', { contexts: [] }) }))
  t.notMatch(none.text(), 'May the newest checkpoint be stopped early?')
})

t.test('an unknown run shows its name and the message of the service', async (t) => {
  const page = await openPage(t, `#/training/${encodeURIComponent('<i>x')}`, serviceWith({ run: failure(404, 'RUN_UNKNOWN', 'No such run.') }))
  t.equal(page.read('h1'), '<i>x')
  t.equal(page.read('main [role=alert]'), '▲ No such run.')
})
