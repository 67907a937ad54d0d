import { symlinkSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { ThreadNotices } from '../../../src/store/embedded/thread-notices.js'
import { temporaryFolder, until } from '../../helper.js'

/** A wait that only an event ends: its own timeout is after 23 days. */
function waitOf (notices: ThreadNotices): { hasEnded: boolean } {
  const wait = { hasEnded: false }
  notices.appended(2e9).then(() => { wait.hasEnded = true })
  return wait
}

t.test('stores of one folder receive each other\'s events, whatever path they use', async (t) => {
  const folder = await temporaryFolder(t)
  symlinkSync(folder, `${folder}-link`)
  const [one, same, other] = [folder, `${folder}-link`, await temporaryFolder(t)].map((path) => new ThreadNotices(path))
  t.teardown(() => { for (const events of [one, same, other]) events!.close() })
  const heard: string[] = []
  for (const [name, events] of Object.entries({ one, same, other })) events!.on('notice', () => { heard.push(name) })
  const wait = waitOf(same!)
  one!.emit('notice')
  t.same(heard, ['one'], 'the store that emits an event receives it at once')
  one!.emit('appended')
  await until('the other store is woken', () => wait.hasEnded)
  t.same(heard, ['one', 'same'])
})

t.test('threads receive each other\'s events', async (t) => {
  const folder = await temporaryFolder(t)
  const events = new ThreadNotices(folder)
  t.teardown(() => events.close())
  const code = `new BroadcastChannel('stopgate ' + require('fs').realpathSync(${JSON.stringify(folder)})).postMessage('appended'); process.exit()`
  const wait = waitOf(events)
  new Worker(code, { eval: true, execArgv: [] }) // eslint-disable-line no-new
  await until('the other thread has woken this one', () => wait.hasEnded)
  t.ok(wait.hasEnded)
})

t.test('a wait ends at its timeout and when the store closes', async (t) => {
  const events = new ThreadNotices(await temporaryFolder(t))
  await events.appended(1)
  const wait = waitOf(events)
  await until('other turns of the event loop have passed', () => true)
  t.notOk(wait.hasEnded)
  events.close()
  await until('the wait has ended', () => wait.hasEnded)
})
