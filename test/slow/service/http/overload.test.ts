import { Agent, request } from 'node:http'
import t from 'tap'
import { losslessOutcome } from '../../../certify.js'
import { temporaryFolder, until } from '../../../helper.js'
import { startProcess } from '../../../service-process.js'

const json = { 'content-type': 'application/json' }
const MIB = 1024 * 1024
/** Connections that send the next request at once, refused or not: over ten times the capacity of the 50 ms that a request may wait. */
const WORKERS = 300

t.test('at ten times its capacity, some are served soon, the rest refused at once, and operators and health are answered', async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
  const url = await service.url()
  const step = { generation_id: 'g', arm: 'treated', tokens: 512, confidence: 0.9, context: { model: 'q', task: 'gsm8k' } }
  const batch = JSON.stringify({ steps: Array(512).fill(step) })
  const counts = new Map<number, number>()
  const over = new AbortController()
  const told = new Set<string>()

  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  const call = () => new Promise<void>((resolve, reject) => {
    const sending = request(`${url}/v1/decisions/batch`, { method: 'POST', agent, headers: { ...json, 'content-length': batch.length } }, (reply) => {
      const status = reply.statusCode!
      let text = ''
      if (status === 503) reply.on('data', (chunk) => { text += chunk }); else reply.resume()
      reply.on('end', () => {
        counts.set(status, (counts.get(status) ?? 0) + 1)
        if (status === 503) told.add(`${JSON.parse(text).code}, retry-after ${reply.headers['retry-after']}`)
        resolve()
      })
    }).on('error', reject)
    sending.end(batch)
  })
  const workers = Array.from({ length: WORKERS }, async () => { while (!over.signal.aborted) await call() })
  await until('many are refused', () => (counts.get(503) ?? 0) > 3 * WORKERS)
  for (let i = 0; i < 2; i++) {
    t.equal((await service.get('/livez')).status, 200)
    t.equal((await service.put('/v1/contexts/*/policy', { mode: i % 2 ? 'off' : 'shadow' })).status, 200, 'stopping can be paused')
  }
  const metrics = await (await fetch(`${url}/metrics`)).text()
  over.abort()
  await Promise.all(workers)
  agent.destroy()
  t.same([...counts.keys()].sort(), [200, 503])
  t.same([...told], ['OVERLOADED, retry-after 1'])
  const megabytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)![1]) / MIB
  t.ok(megabytes < 400, `${Math.round(megabytes)} MiB resident`)
  const refusals = service.log.filter(({ msg }) => String(msg).startsWith('overloaded'))
  t.ok(refusals.length > 0 && refusals.length < counts.get(503)! / 5, 'refusals are logged, but not each of them')
  t.comment(`${counts.get(200)} were served and ${counts.get(503)} refused`)
  const refusedInLog = () => service.log.reduce((sum, { refused }) => sum + Number(refused ?? 0), 0)
  await until('the log has told of all', () => refusedInLog() === counts.get(503))
  t.equal((await service.post('/v1/decisions', step)).status, 200, 'the service has recovered')
})

t.test('many of the largest batches of outcomes at once: some are kept, the rest refused, and memory is bounded', async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
  const url = await service.url()
  const steps = Array.from({ length: 10 }, (_, i) => ({ tokens: 32 * (i + 1), confidence: 0.5, em: 1, signals: { a: 1, b: 2, c: 3 } }))
  const outcomes = Array.from({ length: 3400 }, (_, i) => ({ ...losslessOutcome(`g-${i}`), steps }))
  const batch = JSON.stringify({ outcomes })
  t.ok(batch.length > 2.5 * MIB)
  const statuses = await Promise.all(Array.from({ length: 100 }, async (_, k) => {
    const reply = await fetch(`${url}/v1/outcomes/batch`, { method: 'POST', headers: json, body: batch.replaceAll('"g-', `"g${k}-`) })
    await reply.text()
    return reply.status
  }))
  t.same([...new Set(statuses)].sort(), [202, 503])
  const resident = Number(/^process_resident_memory_bytes (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())![1])
  t.comment(`${Math.round(resident / MIB)} MiB, ${statuses.filter((status) => status === 202).length} kept`)
  t.ok(resident < 1024 * MIB)
})
