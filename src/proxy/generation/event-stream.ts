import { finished, type Readable } from 'node:stream'
import { createParser } from 'eventsource-parser'

/** What the last event of a stream is read as. Whatever comes behind it is ignored. */
export const END = Symbol('end')

/** Items that may wait to be taken before the stream is paused. */
const MOST_WAITING = 256

/**
 * Reads the events of a stream, in lists as they came with each read, so that a burst costs one turn. It listens to the stream: to iterate
 * over it takes three more turns for each token.
 * @param read turns the data of an event into an item; what it throws ends the stream
 * @param broken called if the stream ends without `END`, to throw an error
 */
export async function * readEvents<T> (
  body: Readable, read: (data: string) => T | typeof END, broken: () => void = () => {}): AsyncGenerator<T[], void, void> {
  const decoder = new TextDecoder()
  let items: T[] = []
  let isOver = false
  let ended: { readonly error: Error | null | undefined } | null = null
  let wake = () => {}
  const parser = createParser({
    onEvent ({ data }) {
      if (isOver) return
      const item = read(data)
      if (item === END) isOver = true
      else items.push(item)
    },
  })
  body.on('data', (bytes: Uint8Array) => {
    try {
      parser.feed(decoder.decode(bytes, { stream: true }))
    } catch (error) {
      body.destroy(error as Error)
    }
    if (items.length > MOST_WAITING) body.pause()
    wake()
  })
  const forget = finished(body, { writable: false }, (error) => {
    ended = { error }
    wake()
  })
  try {
    for (;;) {
      if (items.length > 0) {
        const taken = items
        items = []
        if (body.isPaused()) body.resume()
        yield taken
      } else if (isOver) return
      else if (ended !== null) {
        const { error } = ended as { error: Error | null | undefined }
        if (error) throw error
        broken()
        return
      } else await new Promise<void>((resolve) => { wake = resolve })
    }
  } finally {
    forget()
    body.on('error', () => {}).destroy()
  }
}
