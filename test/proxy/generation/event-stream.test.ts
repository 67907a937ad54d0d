import t from 'tap'
import { readEvents } from '../../../src/proxy/generation/event-stream.js'

t.test('events may be split anywhere, within a character too', async (t) => {
  const bytes = Buffer.from('data: {"a":"€"}\n\n: comment\n\ndata: b\r\n\r\ndata: [DONE]\n\n')
  for (const size of [1, 3, 7, 1000]) {
    const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    const events: string[] = []
    for await (const read of readEvents((async function * () { yield * parts })())) events.push(...read)
    t.same(events, ['{"a":"€"}', 'b', '[DONE]'])
  }
})
