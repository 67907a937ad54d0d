import t from 'tap'
import { Quota } from '../../src/access/quota.js'
import { spendReportQuota } from '../../src/access/report-quota.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { KEY, losslessOutcome } from '../certify.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

t.test('only new reports use up the quota', async (t) => {
  const reporter = { tokenName: 'w', tokenPrefix: null, tokenOutcomes: new Quota(10, 3_600_000_000) }
  const metrics = createMetrics()
  const limit = async (...areNew: boolean[]) => await spendReportQuota(reporter, 'outcome', areNew.length, metrics, async () => areNew)
  t.same(await limit(true, false, true), [true, false, true])
  for (let i = 0; i < 5; i++) await t.rejects(spendReportQuota(reporter, 'label', 8, metrics, () => Promise.reject(new Error('store down'))), /store down/)
  await limit(...Array<boolean>(8).fill(true))
  await t.rejects(limit(true), { code: 'TOO_MANY_OUTCOMES', statusCode: 429, retryAfterSeconds: 3600, message: /^Token w .*outcomes_per_hour/ })
  const text = await metrics.render()
  t.match(text, 'stopgate_token_reports_total{token="w",kind="outcome",result="accepted"} 10\n')
  t.match(text, 'stopgate_token_reports_total{token="w",kind="outcome",result="duplicate"} 1\n')
  t.match(text, 'stopgate_limited_total{token="w",limit="outcomes"} 1\n')
})

t.test('a lying worker is limited by its quota and visible in metrics', async (t) => {
  const ACCESS_TOKENS = tokenList({ honest: 'worker', liar: 'worker', o: 'operator' }, { liar: { outcomes_per_hour: 25 } })
  const { send } = await build(t, { ACCESS_TOKENS })
  const report = async (name: string, outcomes: object[]) => await send('POST', '/v1/outcomes/batch', { outcomes }, bearer(name))
  const lies = (from: number, count: number) => Array.from({ length: count }, (_, i) => losslessOutcome(`lie-${from + i}`))
  const truths = Array.from({ length: 100 }, (_, i) => losslessOutcome(`truth-${i}`))
  t.equal((await report('honest', truths)).status, 202)
  for (let from = 0; from < 100; from += 5) await report('liar', lies(from, 5))
  t.match(await report('liar', lies(1000, 5)), { status: 429, body: { code: 'TOO_MANY_OUTCOMES', message: /nothing was stored/ }, headers: { 'retry-after': /^\d+$/ } })
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('lie-one'), bearer('liar')), { status: 429 })
  t.match(await report('liar', lies(0, 5)), { status: 429 }, 'outcomes that it sent before are refused too')
  await send('POST', '/v1/outcomes', { ...losslessOutcome('unlabelled'), em: undefined }, bearer('honest'))
  t.match(await send('POST', '/v1/outcomes/unlabelled/label', { em: 0 }, bearer('liar')), { status: 429 }, 'labels are refused too')
  t.equal((await report('honest', [losslessOutcome('truth-later')])).status, 202, 'an honest token is not limited')

  const context = await until('all is learned', async () => {
    const { body } = await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`, undefined, bearer('o'))
    return body.control_generations >= 127 && body
  })
  t.same(context.fed_by, { honest: 102, liar: 25 })
  const { body } = await send('GET', '/metrics', undefined, bearer('o'))
  t.match(body, 'stopgate_token_reports_total{token="liar",kind="outcome",result="accepted"} 25\n')
  t.match(body, 'stopgate_limited_total{token="liar",limit="outcomes"} 19\n')
  t.match(body, 'stopgate_outcomes_total{result="limited",arm="control"} 86\n')
})

t.test('without tokens, metrics name no reporter', async (t) => {
  const { send } = await build(t)
  await send('POST', '/v1/outcomes', losslessOutcome('g'))
  const { fed_by } = await until('it is learned', async () => {
    const { status, body } = await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)
    return status === 200 && body
  })
  t.same(fed_by, {})
  t.match((await send('GET', '/metrics')).body, 'stopgate_token_reports_total{token="anonymous",kind="outcome",result="accepted"} 1\n')
})

t.test('checkpoints use the same quota and are counted by token', async (t) => {
  const { send, metrics } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'trainer' }, { w: { outcomes_per_hour: 1 } }) })
  const report = (step: number) =>
    send('POST', '/v1/training-runs/r/checkpoints', { step, suite: 's', em: 0.5, n: 100, tokens_mean: 10 }, bearer('w'))
  t.equal((await report(1)).status, 202)
  t.match(await report(2), { status: 429, body: { code: 'TOO_MANY_OUTCOMES' } })
  t.match(await metrics.render(), 'stopgate_token_reports_total{token="w",kind="checkpoint",result="accepted"} 1\n')
})
