import { symlinkSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { ThreadNotices } from '../../../src/store/embedded/thread-notices.js'
import { temporaryFolder } from '../../helper.js'

t.test('stores of one folder receive each other\'s events, whatever path they use', async (t) => {
  const folder = await temporaryFolder(t)
  symlinkSync(folder, `${folder}-link`)
  const [one, same, other] = [folder, `${folder}-link`, await temporaryFolder(t)].map((path) => new ThreadNotices(path))
  t.teardown(() => { for (const events of [one, same, other]) events!.close() })
  const heard: string[] = []
  for (const [name, events] of Object.entries({ one, same, other })) events!.on('notice', () => { heard.push(name) })
  const woken = same!.appended(60_000)
  one!.emit('notice')
  t.same(heard, ['one'], 'the store that emits an event receives it at once')
  one!.emit('appended')
  await woken
  t.same(heard, ['one', 'same'])
})

t.test('threads receive each other\'s events', async (t) => {
  const folder = await temporaryFolder(t)
  const events = new ThreadNotices(folder)
  t.teardown(() => events.close())
  const code = `new BroadcastChannel('stopgate ' + require('fs').realpathSync(${JSON.stringify(folder)})).postMessage('appended'); process.exit()`
  const woken = events.appended(60_000)
  new Worker(code, { eval: true, execArgv: [] }) // eslint-disable-line no-new
  await woken
  t.pass('woken')
})

t.test('a wait ends at its timeout and when the store closes', async (t) => {
  const events = new ThreadNotices(await temporaryFolder(t))
  await events.appended(1)
  const waits = events.appended(60_000)
  events.close()
  await waits
  t.pass('both ended')
})
