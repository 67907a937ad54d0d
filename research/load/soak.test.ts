import t from 'tap'
import { temporaryFolder, until } from '../../test/helper.js'
import { mulberry32 } from '../../test/random.js'
import { startProcess } from '../../test/service-process.js'
import { quickPolicy } from '../../test/quick-policy.js'

// Mixed traffic on one process, for a few seconds here and for five minutes with `npm run soak`.

const SECONDS = Number(process.env.SECONDS ?? 6)
const MIB = 1024 * 1024
/** Below this, memory may grow: in its first seconds a process takes what its heap needs, under coverage more than else. */
const WORKING_MIB = SECONDS < 60 ? 320 : 200
const WORKERS = 8

t.test(`during ${SECONDS} s of mixed traffic memory stays flat, no request fails, and every outcome is learned`, { timeout: SECONDS * 1000 + 600_000 }, async (t) => {
  const service = startProcess(t, {
    DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: quickPolicy(), MAX_CONTEXTS: '500',
  })
  const url = await service.url()
  const memory = async () => Number(/^process_resident_memory_bytes (\S+)/m.exec(await (await fetch(`${url}/metrics`)).text())![1]) / MIB
  const statuses = new Map<string, number>()
  const send = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const reply = await fetch(url + path, { method, ...init })
    const answer = await reply.text()
    const key = `${path.split('/')[2]} ${answer.includes('"OVERLOADED"') ? 'overloaded' : reply.status}`
    statuses.set(key, (statuses.get(key) ?? 0) + 1)
    return reply.status
  }

  const end = performance.now() + SECONDS * 1000
  const samples: number[] = []
  const work = async (worker: number) => {
    const random = mulberry32(worker)
    for (let i = 0; performance.now() < end; i++) {
      const generation_id = `g-${worker}-${i}`
      const context = { model: `m${Math.floor(random() * 3)}`, task: `t${Math.floor(random() * 300)}` }
      const step = { generation_id, context, tokens: 32, confidence: random() }
      const steps = [{ tokens: 32, confidence: random(), em: 1 }]
      await send('POST', '/v1/decisions', step)
      await send('POST', '/v1/decisions/batch', { steps: Array(50).fill(step) })
      await send('POST', '/v1/outcomes', { generation_id, context, tokens: 64, ...(random() < 0.8 && { em: 1 }), ...(random() < 0.5 && { steps }) })
      if (random() < 0.3) await send('POST', `/v1/outcomes/${generation_id}/label`, { em: 1 })
      if (random() < 0.2) await send('POST', '/v1/outcomes', { generation_id, tokens: -1 })
      if (random() < 0.05) await send('GET', '/v1/contexts?limit=200')
      if (worker === 0 && i % 5 === 0) samples.push(await memory())
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)))
  await until('every outcome is learned', async () => (await service.get('/v1/snapshot')).body.learner.log_lag === 0)
  t.comment([...statuses].sort().map(([key, count]) => `${key} x ${count}`).join(', '))
  t.same([...statuses.keys()].filter((key) => / 5/.test(key)), [], 'no 5xx, except 503 OVERLOADED on a busy machine')
  t.same(service.log.filter(({ level }) => Number(level) >= 50), [], 'the log has no error')
  const half = samples.length >> 1
  const most = (values: number[]) => Math.max(...values)
  const [first, second] = [most(samples.slice(0, half)), most(samples.slice(half))]
  t.ok(second < Math.max(WORKING_MIB, first * 1.2), `memory stays flat: up to ${Math.round(first)} MiB in the first half, up to ${Math.round(second)} MiB in the second`)
})
