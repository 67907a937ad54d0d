import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import t, { type Test } from 'tap'
import { losslessOutcome } from '../../certify.js'
import { PAGE_SIZE } from '../../../src/store/embedded/data-folder.js'
import { sleep } from '../../clock.js'
import { temporaryFolder, until } from '../../helper.js'
import { startProcess, type ServiceProcess } from '../../service-process.js'

const BATCHES = 40
const OUTCOMES = 200

/** Opens batches of outcomes that lack the last byte of their bodies. */
async function openBatches (url: string): Promise<ClientRequest[]> {
  return await Promise.all(Array.from({ length: BATCHES }, async (_, batch) => {
    const outcomes = Array.from({ length: OUTCOMES }, (__, i) => losslessOutcome(`g${batch}-${i}`))
    const body = JSON.stringify({ outcomes })
    const sending = request(`${url}/v1/outcomes/batch`, {
      method: 'POST', agent: false, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    })
    sending.on('error', () => {}) // the process ends before it replies
    sending.on('response', (reply) => { reply.resume() })
    sending.write(body.slice(0, -1))
    await once(sending, 'socket')
    return sending
  }))
}

/** Signals twice, the second time while the service writes outcomes, and waits until the process is gone. */
async function signalTwice (t: Test, { child, log, url }: ServiceProcess): Promise<void> {
  const batches = await openBatches(await url())
  child.kill('SIGTERM')
  await until('the service is closing', () => log.find(({ msg }) => msg === 'closing'))
  await sleep(1100) // signals within a second count as one
  for (const batch of batches) batch.end('}')
  await until('the bodies are sent', () => batches.every((batch) => batch.writableFinished || batch.destroyed))
  child.kill('SIGTERM')
}

t.test('a second signal while outcomes are written ends the process', async (t) => {
  for (let trial = 0; trial < Number(process.env.TRIALS ?? 3); trial++) {
    const service = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
    await signalTwice(t, service)
    const end = await until('the process is gone', async () => Promise.race([service.exited, undefined]))
    t.match(end, { signal: 'SIGKILL' })
    await until('the log says why', () => service.log.find(({ reason }) => reason === 'a second signal: SIGTERM'))
  }
})

t.test('the process ends at SHUTDOWN_SECONDS while another process holds the write lock', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const service = startProcess(t, { DATA_DIR, SHUTDOWN_SECONDS: '1' })
  await service.url()
  const script = `
    import { open } from ${JSON.stringify(import.meta.resolve('lmdb'))}
    const root = open({ path: process.argv[1], noSubdir: false, pageSize: ${PAGE_SIZE}, maxDbs: 32 })
    root.transactionSync(() => { console.log('holds the lock'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) })`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script, DATA_DIR], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  service.post('/v1/outcomes', losslessOutcome('g')).catch(() => {}) // waits for the lock
  await until('the outcome waits', async () => (await service.get('/readyz')).status === 200)
  service.child.kill('SIGTERM')
  const end = await until('the process is gone', async () => Promise.race([service.exited, undefined]))
  t.match(end, { signal: 'SIGKILL' })
  await until('the log says why', () => service.log.find(({ reason }) => reason === 'closing took longer than 1 s'))
})
