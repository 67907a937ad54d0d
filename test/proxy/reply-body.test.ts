import { mock } from 'node:test'
import t from 'tap'
import { ReplyBody } from '../../src/proxy/reply-body.js'
import { UpstreamError } from '../../src/proxy/upstream-error.js'

function bodyUnderTest () {
  const calls: string[] = []
  const controller = {
    pause: () => { calls.push('pause') },
    resume: () => { calls.push('resume') },
    abort: () => { calls.push('abort') },
    aborted: false,
    paused: false,
    reason: null,
  }
  return { calls, body: new ReplyBody(controller) }
}

t.test('nothing is read before somebody listens, and a text is read whole', async (t) => {
  const { calls, body } = bodyUnderTest()
  t.same(calls, ['pause'])
  const text = body.text()
  t.same(calls, ['pause', 'resume'])
  body.take(Buffer.from('a€').subarray(0, 2))
  body.take(Buffer.from('a€').subarray(2))
  body.end(null)
  t.equal(await text, 'a€')
  body.destroy()
  t.notOk(calls.includes('abort'), 'it has ended by itself')
})

t.test('a reply that is too long, or breaks off before or while it is read, throws', async (t) => {
  const long = bodyUnderTest()
  const text = long.body.text()
  for (let i = 0; i < 17; i++) long.body.take(Buffer.alloc(2 ** 20))
  await t.rejects(text, new UpstreamError('the reply is too long'))
  t.equal(long.calls.at(-1), 'abort')
  for (const isBefore of [true, false]) {
    const { body } = bodyUnderTest()
    if (isBefore) body.end(new Error('gone'))
    const broken = body.text()
    if (!isBefore) body.end(new Error('gone'))
    await t.rejects(broken, /gone/)
  }
})

t.test('read as a stream, a reply comes at the pace of its reader', async (t) => {
  const { calls, body } = bodyUnderTest()
  const stream = body.readable()
  stream.read(0)
  body.take(Buffer.alloc(2 ** 20))
  t.equal(calls.at(-1), 'pause')
  stream.read()
  t.equal(calls.at(-1), 'resume')
  stream.destroy()
  t.equal(calls.at(-1), 'abort')
})

t.test('what comes after the release of a reply is dropped, and it is aborted only if it does not end by itself', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const [ending, endless] = [bodyUnderTest(), bodyUnderTest()]
  for (const { body } of [ending, endless]) {
    body.listen(() => { t.fail('bytes are dropped') }, () => { t.fail('the end is dropped') })
    body.release()
    body.take(Buffer.from('a'))
  }
  ending.body.end(null)
  ending.body.release()
  mock.timers.tick(999)
  t.notOk(endless.calls.includes('abort'))
  mock.timers.tick(1)
  t.equal(endless.calls.at(-1), 'abort')
  t.notOk(ending.calls.includes('abort'))
})
