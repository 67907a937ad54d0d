// node examples/worker.mjs
//
// A complete worker over HTTP, without packages. It plays 20 generations of a stand-in: replace Model by your own.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const URL = process.env.STOPGATE_URL ?? 'http://127.0.0.1:8080'
const TIMEOUT_MS = 500
/** Distance between checks while the service does not answer, in tokens. */
const DISTANCE = 32

class Stopgate {
  #failures = 0
  #reports = []

  /** Whether to ask: after two failures in a row nothing is asked until the service answers again. */
  get isUp () { return this.#failures < 2 }

  /** Asks about a step. Returns `null` without a reply: the generation then goes on. */
  async decide (step) {
    try {
      const reply = await this.#post('/v1/decisions', step, TIMEOUT_MS)
      if (typeof reply.body?.decision !== 'string') throw new Error(`status ${reply.status}`)
      if (reply.body.warnings.length > 0) console.error('stopgate warns:', ...reply.body.warnings)
      this.#failures = 0
      return reply.body
    } catch (error) {
      console.error('no decision:', error.message)
      if (++this.#failures === 2) this.#waitUntilUp()
      return null
    }
  }

  /** Reports an outcome in the background. */
  report (outcome) { this.#reports.push(this.#sendUntilStored(outcome)) }

  /** Waits until all outcomes are stored or refused. */
  async flush () { await Promise.all(this.#reports) }

  async #post (path, body, timeoutMs) {
    const reply = await fetch(URL + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...process.env.STOPGATE_TOKEN && { authorization: `Bearer ${process.env.STOPGATE_TOKEN}` } },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { status: reply.status, body: await reply.json() }
  }

  async #waitUntilUp () {
    for (let waitMs = 250; !this.isUp; waitMs = Math.min(10_000, 2 * waitMs)) {
      await sleep(waitMs, undefined, { ref: false })
      const reply = await this.#post('/v1/decisions/batch', { steps: [] }, TIMEOUT_MS).catch(() => null)
      if (Array.isArray(reply?.body?.decisions)) this.#failures = 0
    }
  }

  /** An outcome counts once, however often it is sent. */
  async #sendUntilStored (outcome) {
    for (let waitMs = 200; ; waitMs = Math.min(15_000, 2 * waitMs)) {
      const { status, body } = await this.#post('/v1/outcomes', outcome, 5000).catch(() => ({ status: 0 }))
      if (status === 202) return
      if (status >= 400 && status < 500 && status !== 429) { // the same request would be refused again
        console.error('an outcome was refused:', body)
        return
      }
      await sleep(waitMs * (0.5 + Math.random() / 2))
    }
  }
}

/** Plays a generation until it ends or is stopped, and reports it. */
async function play (service, model, context, isRight) {
  const identity = { generation_id: randomUUID(), context }
  const steps = []
  let arm, due, stoppedAt
  // It first asks at 0 tokens without a confidence: if no threshold is in force, treated generations then need no probe.
  for (let next = 0; next !== null && await model.generate(next);) {
    if (!service.isUp && arm !== 'control') { // no decision can come
      next = model.tokens + DISTANCE
      continue
    }
    const probe = model.tokens === 0 ? { confidence: null } : await model.probe()
    const { answer, confidence, tokens: cost = 0 } = probe
    steps.push({ tokens: model.tokens, confidence, probe_tokens: cost, ...answer !== undefined && { em: isRight(answer) ? 1 : 0 } })
    const decision = service.isUp
      ? await service.decide({ ...identity, tokens: model.tokens, confidence, arm, due_tokens: due })
      : null
    if (decision === null) {
      next = model.tokens + DISTANCE
      continue
    }
    arm ??= decision.arm
    next = due = decision.next_check_tokens
    if (decision.decision === 'stop') {
      stoppedAt = steps.at(-1)
      break
    }
  }
  if (stoppedAt === undefined) await model.generate(Infinity)
  const answer = await model.answer() // after a stop: from exactly the reasoning that was probed
  if (steps.length === 0) return answer // it never asked
  service.report({
    ...identity,
    arm,
    samples: 1, // no other generation has this prompt
    tokens: model.tokens,
    em: isRight(answer) ? 1 : 0,
    probe_tokens: steps.reduce((sum, step) => sum + step.probe_tokens, 0),
    steps_asked: steps.length,
    ...arm !== 'treated' && { steps },
    ...stoppedAt && { stopped: true, stopped_probe: { tokens: stoppedAt.tokens, em: stoppedAt.em } },
  })
  return answer
}

/** A stand-in, which knows its answer after a third of its reasoning. */
class Model {
  tokens = 0
  length = 120 + Math.floor(400 * Math.random())

  /** Generates up to `limit` tokens in all. Returns whether there is more to come. */
  async generate (limit) {
    const before = this.tokens
    this.tokens = Math.min(limit, this.length)
    await sleep((this.tokens - before) / 4)
    return this.tokens < this.length
  }

  /** Forces an answer on the side, as if the reasoning were closed here. */
  async probe () {
    const knows = this.tokens >= this.length / 3
    return { answer: knows ? '42' : 'unsure', confidence: knows ? 0.99 : 0.3, tokens: 2 }
  }

  /** Closes the reasoning, and answers. */
  async answer () { return (await this.probe()).answer }
}

const service = new Stopgate()
for (let i = 0; i < 20; i++) {
  await play(service, new Model(), { model: 'stand-in', task: 'worker' }, (answer) => answer === '42')
}
await service.flush()
console.log('20 generations are reported')
