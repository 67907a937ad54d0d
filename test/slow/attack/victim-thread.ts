import { Agent, request as ask } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { elapsed, sleep } from '../../clock.js'

/** The thread of a well-behaved client: a tenant who asks for decisions and reports outcomes, or a client of the proxy. */
export interface Victim {
  readonly url: string
  readonly headers: Record<string, string>
  readonly kind: 'tenant' | 'chat'
}

/** Its requests while it was watched. */
export interface Experience {
  /** Of each request, ms. */
  readonly latencies: number[]
  readonly refused: string[]
}

/** Time from a reply to the next request, ms: a client that asks without a pause would be an attack itself. */
const PACE_MS = 10

const { url, headers, kind } = workerData as Victim
const context = { model: 'good', task: 'math' }

const agent = new Agent({ keepAlive: true })

/** Rejects after a minute without a reply. The fetch of Node.js 20 may wait forever, and then this thread exits silently. */
function post (path: string, body: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = ask(url + path, { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers }, timeout: 60_000 })
    sending.on('timeout', () => { sending.destroy(new Error('no reply')) })
    sending.on('error', reject)
    sending.on('response', (reply) => { reply.resume().on('end', () => { resolve(reply.statusCode!) }).on('error', reject) })
    sending.end(JSON.stringify(body))
  })
}

/** Makes one request. @returns why it was refused; `null`: it was not */
async function request (name: string, isFifth: boolean): Promise<string | null> {
  if (kind === 'chat') {
    const status = await post('/v1/chat/completions', { model: 'm', messages: [{ role: 'user', content: name }] })
    return status === 200 ? null : `chat ${status}`
  }
  const status = isFifth
    ? await post('/v1/outcomes', { generation_id: name, arm: 'treated', context, tokens: 64, em: 1 })
    : await post('/v1/decisions', { generation_id: name, context, tokens: 32, confidence: 0.5 })
  return status === (isFifth ? 202 : 200) ? null : `${isFifth ? 'outcome' : 'decision'} ${status}`
}

let rounds = 0
for (let i = 0; i < 20; i++) await request(`first ${i}`, i % 5 === 4) // connects, and compiles what requests need

parentPort!.on('message', async (requests: number) => {
  const experience: Experience = { latencies: [], refused: [] }
  const round = rounds++
  for (let i = 0; i < requests; i++) {
    const startedAt = elapsed()
    const refusal = await request(`v${round}-${i}`, i % 5 === 4)
    experience.latencies.push(elapsed() - startedAt)
    if (refusal !== null) experience.refused.push(refusal)
    await sleep(PACE_MS)
  }
  parentPort!.postMessage(experience)
})
parentPort!.postMessage('ready')
