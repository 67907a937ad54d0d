import t from 'tap'
import { readEvents } from '../../src/page/read-events.js'

t.test('events are read across pieces, and comments are left out', async (t) => {
  const texts = ['event: hello\nda', 'ta: {"a":1}\n\n: alive\n\nevent: change\ndata: {"b":"\u00fc', '"}\n\n']
  const pieces = texts.map((text) => new TextEncoder().encode(text))
  const events: unknown[] = []
  const body = new ReadableStream({ start (out) { for (const piece of pieces) out.enqueue(piece); out.close() } })
  await readEvents(body, (event) => { events.push(event) })
  t.match(events, [{ event: 'hello', data: '{"a":1}' }, { event: 'change', data: '{"b":"ü"}' }])
})
