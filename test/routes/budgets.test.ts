import t, { type Test } from 'tap'
import { BUDGETS } from '../../src/core/decide/grid.js'
import { ruleFor } from '../../src/core/decide/snapshot.js'
import { isStopProbed, secondHash } from '../../src/core/decide/arm.js'
import { CONTEXT, KEY, losslessOutcome, reportTo } from '../certify.js'
import { build, until } from '../helper.js'
import { quickPolicy, SHUFFLED } from '../quick-policy.js'

// Thinking budgets over HTTP: what a gateway and a worker send and get.

const POLICY = `/v1/contexts/${KEY}/policy`
const PIN = `/v1/contexts/${KEY}/pin`

/** A full run of 64 tokens that answers right from 40 tokens on. */
function run (id: string) {
  const steps = [32, 40, 51, 64].map((tokens) => ({ tokens, confidence: null, answer: tokens < 40 ? 'no' : id, em: tokens < 40 ? 0 : 1, probe_tokens: 10 }))
  return { ...losslessOutcome(id), steps }
}

async function certified (t: Test) {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ ...SHUFFLED, score: 'tokens' }) })
  await reportTo(built, Array.from({ length: 400 }, (_, i) => run(`g${i}`)))
  await until('a budget is in force', () => ruleFor(built.snapshotHolder.snapshot(), CONTEXT).threshold)
  return built
}

t.test('a gateway asks once, at 0 tokens, and gets the budget', async (t) => {
  const built = await certified(t)
  const { send } = built
  t.match((await send('GET', `/v1/contexts/${KEY}`)).body, { score: 'tokens', threshold: 40, thresholds: { length: BUDGETS.length } })
  const { body: first } = await send('POST', '/v1/decisions', { generation_id: 'new', tokens: 0, confidence: null, context: CONTEXT, arm: 'treated' })
  t.match(first, { decision: 'continue', scorer: 'tokens', threshold: 40, budget_tokens: 40, next_check_tokens: null })
  const { body: { rule, ...drawn } } = await send('POST', '/v1/decisions', { generation_id: 'new', tokens: 0, confidence: null, context: CONTEXT })
  t.match(rule, { scorer: 'tokens', threshold: 40 })
  t.equal(drawn.arm === 'treated' ? drawn.budget_tokens : drawn.next_check_tokens, drawn.arm === 'treated' ? 40 : 32)
  const { rules } = (await send('GET', '/v1/bundle')).body
  t.match(rules.filter((one: { scorer?: string, score_threshold?: number }) => one.score_threshold === 40), [{ scorer: 'tokens', threshold: null }])
})

t.test('a generation that its budget ended needs no probe, and another stopped one does', async (t) => {
  const built = await certified(t)
  const { send } = built
  const salt = built.snapshotHolder.snapshot().salt!
  const ids = Array.from({ length: 300 }, (_, i) => `t${i}`)
  const undrawn = ids.find((id) => !isStopProbed(secondHash(salt, id)))!
  const stopped = { context: CONTEXT, arm: 'treated', tokens: 44, answer_tokens: 4, stopped: true, em: 1, answer: 'a', samples: 1 }
  t.match(await send('POST', '/v1/outcomes', { generation_id: undrawn, ...stopped, budget_tokens: 40 }), { status: 202 })
  t.match(await send('POST', '/v1/outcomes', { generation_id: 'other', ...stopped }), { status: 400, body: { details: [{ path: '/stopped_probe' }] } })
  t.match(await send('POST', '/v1/outcomes', { ...run('c'), budget_tokens: 40 }), { status: 400, body: { details: [{ path: '/budget_tokens' }] } })
  await until('the stop is counted', async () => /stopgate_\S*stops\S*answer="unprobed"\S* 1/.test((await send('GET', '/metrics')).body))
})

t.test('a step of a loop is sent as such', async (t) => {
  const { send } = await certified(t)
  const step = { generation_id: 'loop', tokens: 20, confidence: null, context: CONTEXT, arm: 'treated' }
  t.match((await send('POST', '/v1/decisions', { ...step, repeats: true })).body, { decision: 'stop' })
  t.match((await send('POST', '/v1/decisions', { ...step, repeats: 'yes' })), { status: 400, body: { details: [{ path: '/repeats' }] } })
})

t.test('a pin of more than 1 is a budget, and refused where the score is no count of tokens', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: quickPolicy({ ...SHUFFLED, control_rate: 1 }) })
  await reportTo({ send }, [losslessOutcome('g')])
  t.match(await send('PUT', PIN, { threshold: 512, reason: 'r' }), { status: 400, body: { details: [{ path: '/threshold', message: /at most 1/ }] } })
  t.match(await send('PATCH', POLICY, { score: 'tokens' }), { status: 200 })
  t.match(await send('PUT', PIN, { threshold: 512, reason: 'r' }), { status: 200 })
  await until('the pin is in force', async () =>
    (await send('POST', '/v1/decisions', { tokens: 0, confidence: null, context: CONTEXT, arm: 'treated' })).body.budget_tokens === 512)
})
