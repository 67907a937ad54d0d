import t from 'tap'
import { windowHash } from '../../src/core/assignment/arm.js'
import { snapshotOfBundle } from '../../src/core/decide/bundle.js'
import { type ContextRule, ruleFor } from '../../src/core/decide/snapshot.js'
import { CONTEXT, KEY } from '../certify.js'
import { build, until } from '../helper.js'

const AUTO = { DEFAULT_POLICY: '{"follow_up_seconds":0,"check_every_tokens":"auto"}' }
const TOKENS = 400
const PROBE = 5
/** Tokens in which one probe is asked while the cadence is explored: probes may take a quarter. */
const WINDOW = 4 * PROBE

/** A worker that asks when the last reply told it to, and reports; its answer is sure and right from half of its tokens on. */
async function work (send: Awaited<ReturnType<typeof build>>['send'], id: string) {
  const steps: object[] = []
  let arm: string | undefined
  let due = 8
  for (;;) {
    const step = { tokens: due, confidence: due < TOKENS / 2 ? 0.1 : 1, em: due < TOKENS / 2 ? 0 : 1 }
    const { body } = await send('POST', '/v1/decisions', { generation_id: id, context: CONTEXT, ...step, ...(arm !== undefined && { arm }) })
    arm = body.arm
    steps.push({ ...step, probe_tokens: PROBE })
    const isStopped = body.decision === 'stop'
    if (!isStopped && body.next_check_tokens <= TOKENS) {
      due = body.next_check_tokens
      continue
    }
    const tokens = isStopped ? due : TOKENS
    await send('POST', '/v1/outcomes', {
      generation_id: id,
      context: CONTEXT,
      arm,
      tokens,
      em: 1,
      samples: 1,
      stopped: isStopped,
      ...(arm === 'control' ? { steps } : { probe_tokens: PROBE * steps.length, steps_asked: steps.length }),
      ...(isStopped && { stopped_probe: { tokens: due, em: 1 } }),
    })
    return { asked: steps.map((one) => (one as { tokens: number }).tokens), isStopped, tokens, arm }
  }
}

t.test('over HTTP: explore, choose, certify, and stop at the chosen distance', async (t) => {
  const { send } = await build(t, AUTO)
  const decidesBy = (isSo: (rule: ContextRule) => boolean) =>
    until('the rule is in force', async () => isSo(ruleFor(snapshotOfBundle((await send('GET', '/v1/bundle')).body), CONTEXT)))
  const first = await work(send, 'first')
  t.same(first.asked.slice(0, 10), [8, 16, 24, 32, 40, 48, 56, 64, 72, 88], 'a geometric grid from 8 tokens on')
  await until('the cost of probes is known', async () => (await send('GET', `/v1/contexts/${KEY}`)).body.cadence?.check_window_tokens === WINDOW)
  await decidesBy(({ checkWindow }) => checkWindow === WINDOW)
  const bundle = await send('GET', '/v1/bundle')
  const explored = bundle.body.rules.find(({ exploring }: { exploring?: true }) => exploring)
  t.match(explored, { check_every_tokens: 8, check_growth: 0.125 })
  t.match(ruleFor(snapshotOfBundle(bundle.body), CONTEXT), { checkWindow: WINDOW, isExploring: true, threshold: null })
  const columns = await send('POST', '/v1/decisions/columns', { contexts: [CONTEXT], context: [0], tokens: [8], confidence: [0.5], generation_ids: ['columns'] })
  t.match(columns.body.contexts, [{ check_every_tokens: 8, check_growth: 0.125, check_window_tokens: WINDOW }])
  const { body: placed } = await send('POST', '/v1/decisions', { generation_id: 'placed', context: CONTEXT, tokens: 0, confidence: 0.5 })
  t.equal(placed.next_check_tokens, Math.max(8, Math.ceil((1 - windowHash('placed')) * WINDOW / 8) * 8), 'in the window of its id')

  for (let i = 1; i < 64; i++) t.notOk((await work(send, `explored-${i}`)).isStopped, 'nothing is stopped')
  await until('it is chosen', async () => (await send('GET', `/v1/contexts/${KEY}`)).body.cadence.source === 'chosen')
  const { body: context } = await send('GET', `/v1/contexts/${KEY}`)
  t.match(context, { epoch: 2, status: 'learning', policy: { check_every_tokens: 'auto' }, cadence: { explored: null, choice: { reason: 'saves', generations: 64, tokens_mean: TOKENS, probe_tokens_mean: PROBE } } })
  const { check_every_tokens: every, check_growth: growth, choice: { candidates } } = context.cadence
  t.match(candidates[0], { check_every_tokens: every, check_growth: growth })
  t.ok(candidates.length > 1 && candidates[0].expected_saved_ratio >= 0.9 * candidates[1].expected_saved_ratio, 'with the best candidates')
  const { body: history } = await send('GET', `/v1/history?prefix=${KEY}`)
  t.match(history.changes[0], { key: KEY, cause: 'cadence', epoch: 2, after: null })
  const { body: whatIf } = await send('GET', `/v1/contexts/${KEY}/what-if?max_em_drop=0.05`)
  t.match(whatIf, { check_every_tokens: every, check_growth: growth })
  const { body: dryRun } = await send('PUT', `/v1/contexts/${KEY}/policy?dry_run=true`, { check_every_tokens: 64 })
  t.match(dryRun.contexts, [{ key: KEY, new_epoch: true }])

  await decidesBy(({ checkEveryTokens, isExploring }) => checkEveryTokens === every && !isExploring)
  for (let i = 0; i < 192; i++) await work(send, `evidence-${i}`)
  await until('it is certified', async () => (await send('GET', `/v1/contexts/${KEY}`)).body.status === 'certified')
  await decidesBy(({ threshold }) => threshold !== null)
  const treated: Awaited<ReturnType<typeof work>>[] = []
  for (let i = 0; i < 60 && treated.length < 3; i++) {
    const one = await work(send, `served-${i}`)
    if (one.arm === 'treated') treated.push(one)
  }
  t.ok(treated.length > 0 && treated.every(({ isStopped }) => isStopped))
  for (const { tokens } of treated) t.equal(tokens % every, 0, 'at a check of the chosen cadence')
})
