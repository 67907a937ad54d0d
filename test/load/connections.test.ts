import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { temporaryFolder } from '../helper.js'
import { startProcess } from '../service-process.js'

// At full volume: CONNECTIONS=10000 npx tap test/load/connections.test.ts (needs as many open files: ulimit -n)

const CONNECTIONS = Number(process.env.CONNECTIONS ?? 500)
const KIB = 1024
const step = { arm: 'treated', tokens: 1, confidence: 1 }

/** What clients do that hold a connection and say nothing more: nothing at all, half a head, half a body. */
const BEGINNINGS = ['', 'POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-', 'POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"tokens']

t.test(`${CONNECTIONS} connections that say nothing: the others are answered as before, and each costs little`, async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
  const url = await service.url()
  const memory = async () => Number(/^process_resident_memory_bytes (\S+)/m.exec(await (await fetch(`${url}/metrics`)).text())![1])
  for (let i = 0; i < 200; i++) await service.post('/v1/decisions', step)
  const before = await memory()
  const sockets: Socket[] = []
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  while (sockets.length < CONNECTIONS) {
    const some = Array.from({ length: Math.min(100, CONNECTIONS - sockets.length) }, () => connect(Number(new URL(url).port), '127.0.0.1'))
    await Promise.all(some.map((socket) => once(socket, 'connect')))
    for (const socket of some) socket.on('error', () => {}).write(BEGINNINGS[sockets.push(socket) % 3]!)
  }
  let slowest = 0
  for (let i = 0; i < 50; i++) {
    const start = performance.now()
    t.equal((await service.post('/v1/decisions', step)).status, 200)
    slowest = Math.max(slowest, performance.now() - start)
  }
  t.ok(slowest < 1000, `the slowest of 50 decisions took ${Math.round(slowest)} ms`)
  const each = (await memory() - before) / CONNECTIONS / KIB
  t.ok(each < 64, `${Math.round(each)} KiB a connection`)
  service.child.kill('SIGTERM')
  t.same(await service.exited, { code: 0, signal: null }, 'they do not keep it from closing')
})
