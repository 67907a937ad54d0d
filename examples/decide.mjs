// node examples/decide.mjs
//
// A worker that decides in its own process, by the rules of the service: "stopgate/decide" loads neither store nor evidence. It plays 20
// generations of a stand-in. A real worker keeps the bundle up to date (docs/integrate/worker.md).
import { randomUUID } from 'node:crypto'
import { armOfDraw, decide, drawOf, enrolDraw, nextCheckTokens, ruleFor, snapshotOfBundle } from 'stopgate/decide'

const URL = process.env.STOPGATE_URL ?? 'http://127.0.0.1:8080'

async function call (path, body) {
  const headers = { 'content-type': 'application/json', ...process.env.STOPGATE_TOKEN && { authorization: `Bearer ${process.env.STOPGATE_TOKEN}` } }
  const reply = await fetch(URL + path, { headers, ...body && { method: 'POST', body: JSON.stringify(body) } })
  if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`)
  return await reply.json()
}

const context = { model: 'stand-in', task: 'decide' }
const length = 320 // tokens of each generation, which knows its answer after a third of them
const snapshot = snapshotOfBundle(await call('/v1/bundle'))
const rule = ruleFor(snapshot, context)

for (let i = 0; i < 20; i++) {
  const id = randomUUID()
  const identity = { generation_id: id, context }
  const u = drawOf(snapshot.salt, id)
  const arm = armOfDraw(rule, u)
  const enrolments = []
  enrolDraw({ enrol: ({ epoch, share }) => enrolments.push({ epoch, share }) }, snapshot, rule, { u, id, tokens: 0, context })
  for (const drawn of enrolments) await call('/v1/enrolments', { ...drawn, context, age_ms: 0, generations: [{ generation_id: id }] })
  const steps = []
  let isStopped = false
  for (let tokens = nextCheckTokens(rule, 0); tokens !== null && tokens < length && !isStopped;) {
    const knows = tokens >= length / 3
    steps.push({ tokens, confidence: knows ? 0.99 : 0.3, em: knows ? 1 : 0 }) // the probe of a real worker forces an answer here
    const decision = decide(snapshot, 'fresh', { ...identity, ...steps.at(-1), arm })
    isStopped = decision.decision === 'stop'
    tokens = decision.next_check_tokens
  }
  const { tokens, em } = isStopped ? steps.at(-1) : { tokens: length, em: 1 }
  const end = isStopped ? { stopped: true, stopped_probe: { tokens, em } } : arm === 'control' && { steps }
  await call('/v1/outcomes', { ...identity, arm, samples: 1, tokens, em, steps_asked: steps.length, ...end })
}
console.log('20 generations are reported')
