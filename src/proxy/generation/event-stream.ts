import { createParser } from 'eventsource-parser'

/** The data of the events that came with each read, so that a burst costs one turn. */
export async function * readEvents (body: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder()
  let events: string[] = []
  const parser = createParser({ onEvent: ({ data }) => { events.push(data) } })
  for await (const bytes of body) {
    parser.feed(decoder.decode(bytes, { stream: true }))
    if (events.length === 0) continue
    const read = events
    events = []
    yield read
  }
}
