import { setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

/** The thread of a well-behaved tenant: decisions, and every fifth time an outcome. */
export interface Victim {
  readonly url: string
  readonly headers: Record<string, string>
  readonly seconds: number
}

export interface Experience {
  /** Of each request, ms. */
  readonly latencies: number[]
  readonly refused: string[]
}

/** Time between two requests, ms. */
const PACE_MS = 20

const { url, headers, seconds } = workerData as Victim
const context = { model: 'good', task: 'math' }
const experience: Experience = { latencies: [], refused: [] }

async function post (path: string, body: object): Promise<number> {
  const reply = await fetch(url + path, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body), signal: AbortSignal.timeout(60_000),
  })
  await reply.text()
  return reply.status
}

await post('/v1/decisions', { context, tokens: 32, confidence: 0.5 }) // connects, and compiles what the first request needs
const end = performance.now() + seconds * 1000
for (let i = 0; performance.now() < end; i++) {
  const startedAt = performance.now()
  const isOutcome = i % 5 === 4
  const status = isOutcome
    ? await post('/v1/outcomes', { generation_id: `v${i}`, arm: 'treated', context, tokens: 64, em: 1 })
    : await post('/v1/decisions', { generation_id: `v${i}`, context, tokens: 32, confidence: 0.5 })
  experience.latencies.push(performance.now() - startedAt)
  if (status !== (isOutcome ? 202 : 200)) experience.refused.push(`${isOutcome ? 'outcome' : 'decision'} ${status}`)
  await setTimeout(PACE_MS)
}
parentPort!.postMessage(experience)
