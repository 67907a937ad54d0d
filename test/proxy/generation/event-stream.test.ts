import { PassThrough, Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { END, readEvents } from '../../../src/proxy/generation/event-stream.js'

t.test('events may be split anywhere, within a character too', async (t) => {
  const bytes = Buffer.from('data: {"a":"€"}\n\n: comment\n\ndata: b\r\n\r\ndata: [DONE]\n\n')
  for (const size of [1, 3, 7, 1000]) {
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    const events: string[] = []
    for await (const read of readEvents(Readable.from(parts), (data) => data)) events.push(...read)
    t.same(events, ['{"a":"€"}', 'b', '[DONE]'])
  }
})

const of = (data: string): number | typeof END => data === 'end' ? END : Number(data)
const eventsOf = (...numbers: Array<number | 'end'>) => Buffer.from(numbers.map((number) => `data: ${number}\n\n`).join(''))

t.test('what comes behind the end is ignored, and the stream is let go', async (t) => {
  const body = new PassThrough()
  body.write(eventsOf(1, 2, 'end', 3))
  const read = []
  for await (const numbers of readEvents(body, of)) read.push(numbers)
  t.strictSame(read, [[1, 2]])
  t.equal(body.destroyed, true)
})

t.test('a stream waits for a reader who is slow, and loses nothing', async (t) => {
  const body = new PassThrough()
  const reading = readEvents(body, of)
  const first = reading.next()
  for (let i = 0; i < 100; i++) body.write(eventsOf(...Array.from({ length: 100 }, (_, k) => 100 * i + k)))
  body.end()
  const read = [...(await first).value as number[]]
  await setImmediate()
  t.ok(body.readableLength > 0, 'it is paused')
  for await (const numbers of reading) read.push(...numbers)
  t.strictSame(read, Array.from({ length: 10_000 }, (_, i) => i))
})

t.test('items come before the error that ends their stream', async (t) => {
  const failing = (data: string) => { if (data === '2') throw new Error('two'); return Number(data) }
  for (const [body, read, message] of [
    [Readable.from([eventsOf(1, 2, 3)]), failing, /two/],
    [Readable.from([eventsOf(1)]), of, /broke off/],
    [Readable.from((async function * () { yield eventsOf(1); throw new Error('gone') })()), of, /gone/],
  ] as const) {
    const reading = readEvents(body, read, () => { throw new Error('broke off') })
    t.strictSame((await reading.next()).value, [1])
    await t.rejects(reading.next(), { message })
  }
})

t.test('a stream that is destroyed, and one that its reader leaves, end', async (t) => {
  const aborted = new PassThrough()
  const reading = readEvents(aborted, of)
  const next = reading.next()
  aborted.destroy()
  await t.rejects(next, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  const left = new PassThrough()
  left.write(eventsOf(1))
  const leaving = readEvents(left, of)
  t.strictSame((await leaving.next()).value, [1])
  await leaving.return()
  t.equal(left.destroyed, true)
})
