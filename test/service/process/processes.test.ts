import type { Worker } from 'node:cluster'
import { EventEmitter } from 'node:events'
import t from 'tap'
import { closeOrphanedConnection } from '../../../src/service/process/processes.js'
import { startProcess } from '../../service-process.js'

t.test('a connection that was being passed to a process when it ended is closed, and no other', async (t) => {
  const sent: unknown[] = []
  const child = Object.assign(new EventEmitter(), { send: (...what: unknown[]) => sent.push(what) > 0 })
  const closed: string[] = []
  const handle = (name: string) => ({ close: () => { closed.push(name) } })
  const [taken, lost, listener] = [handle('taken'), handle('lost'), handle('listener')]
  child.on('internalMessage', ({ ack }) => { if (ack === 1) child.send({ act: 'newconn', seq: 2 }, lost) }) // as the cluster module does
  closeOrphanedConnection({ process: child } as unknown as Worker)
  child.send({ act: 'newconn', seq: 1 }, taken)
  child.emit('internalMessage', { ack: 1, accepted: true })
  child.send({ ack: 7 }, listener)
  child.emit('internalMessage', { act: 'listening' })
  t.same(sent, [[{ act: 'newconn', seq: 1 }, taken], [{ act: 'newconn', seq: 2 }, lost], [{ ack: 7 }, listener]], 'messages are sent on unchanged')
  t.same(closed, [])
  child.emit('close')
  t.same(closed, ['lost'])
})

t.test('a process that accepted all its connections leaves none to close', async (t) => {
  const child = Object.assign(new EventEmitter(), { send: (..._: unknown[]) => true })
  closeOrphanedConnection({ process: child } as unknown as Worker)
  let closed = 0
  child.send({ act: 'newconn', seq: 1 }, { close: () => { closed++ } })
  child.emit('internalMessage', { ack: 1, accepted: true })
  child.emit('close')
  t.equal(closed, 0)
})

t.test('several processes need Redis', async (t) => {
  const service = startProcess(t, { PROCESSES: '2' })
  t.same(await service.exited, { code: 2, signal: null })
  t.match(service.stderr(), /PROCESSES above 1 requires REDIS_URL/)
})
