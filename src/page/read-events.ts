import { createParser, type EventSourceMessage } from 'eventsource-parser'

/**
 * Reads server-sent events from a body. (EventSource can't send a token.) Ends when the body does.
 * @param onEvent gets each message as soon as it is complete
 */
export async function readEvents (body: ReadableStream<Uint8Array>, onEvent: (event: EventSourceMessage) => void): Promise<void> {
  const parser = createParser({ onEvent })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    parser.feed(decoder.decode(value, { stream: true }))
  }
}
