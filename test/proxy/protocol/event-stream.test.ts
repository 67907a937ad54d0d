import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { parseEventStream } from '../../../src/proxy/protocol/event-stream.js'
import { byteSource } from '../byte-source.js'

const textOf = (data: string, end: () => undefined): string | undefined => data === 'end' ? end() : data
const numberOf = (data: string, end: () => undefined): number | undefined => data === 'end' ? end() : Number(data)
const eventsOf = (...all: Array<number | 'end'>) => Buffer.from(all.map((one) => `data: ${one}\n\n`).join(''))

t.test('events may be split anywhere, within a character too', async (t) => {
  const bytes = Buffer.from('data: {"a":"€"}\n\n: comment\n\ndata: b\r\n\r\ndata: end\n\n')
  for (const size of [1, 3, 7, 1000]) {
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    const events: string[] = []
    await parseEventStream(byteSource(Readable.from(parts)), textOf, (read) => { events.push(...read); return null })
    t.same(events, ['{"a":"€"}', 'b'])
  }
})

t.test('data after the last event are ignored, and the stream may end by itself', async (t) => {
  const body = new PassThrough()
  body.write(eventsOf(1, 2, 'end', 3))
  const taken: unknown[] = []
  await parseEventStream(byteSource(body), numberOf, (numbers) => { taken.push(numbers); return null })
  t.strictSame(taken, [[1, 2]])
  t.equal(body.destroyed, false)
  body.end(eventsOf(4))
  await once(body, 'end')
  t.strictSame(taken, [[1, 2]])
})

t.test('a stream waits for a slow reader, and loses nothing', async (t) => {
  const body = new PassThrough()
  const taken: number[] = []
  let go = () => {}
  const reading = parseEventStream(byteSource(body), numberOf, (numbers) => {
    taken.push(...numbers)
    return taken.length > 100 ? null : new Promise<void>((resolve) => { go = resolve })
  })
  for (let i = 0; i < 100; i++) body.write(eventsOf(...Array.from({ length: 100 }, (_, k) => 100 * i + k)))
  body.end(eventsOf('end'))
  await setImmediate()
  t.equal(taken.length, 100)
  t.ok(body.readableLength > 0, 'it is paused')
  go()
  await reading
  t.strictSame(taken, Array.from({ length: 10_000 }, (_, i) => i))
})

t.test('items come before the error that ends their stream', async (t) => {
  const failing = (data: string) => { if (data === '2') throw new Error('two'); return Number(data) }
  for (const [body, read, message] of [
    [Readable.from([eventsOf(1, 2, 3)]), failing, /two/],
    [Readable.from([eventsOf(1)]), numberOf, /broke off/],
    [Readable.from((async function * () { yield eventsOf(1); throw new Error('gone') })()), numberOf, /gone/],
  ] as const) {
    const taken: number[] = []
    await t.rejects(parseEventStream(byteSource(body), read, (numbers) => { taken.push(...numbers); return null }), { message })
    t.strictSame(taken, [1])
  }
})

t.test('a stream that is destroyed ends, and so does one whose reader fails, at once or later', async (t) => {
  const aborted = new PassThrough()
  const reading = parseEventStream(byteSource(aborted), numberOf, () => null)
  aborted.destroy()
  await t.rejects(reading, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  for (const fail of [() => { throw new Error('full') }, async () => { throw new Error('full') }]) {
    const body = new PassThrough()
    body.write(eventsOf(1))
    await t.rejects(parseEventStream(byteSource(body), numberOf, fail), /full/)
    t.equal(body.destroyed, true)
  }
})

t.test('an event that does not end is given up before it fills the memory', async (t) => {
  const body = Readable.from((function * () { yield Buffer.from('data: '); for (;;) yield Buffer.alloc(2 ** 20, 'x') })())
  await t.rejects(parseEventStream(byteSource(body), textOf, () => null), { message: /too long/ })
  t.ok(body.destroyed)
})
