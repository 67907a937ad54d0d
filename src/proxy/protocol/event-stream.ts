import { StringDecoder } from 'node:string_decoder'
import { createParser } from 'eventsource-parser'

/** Limit on one event, characters: the longest that a model server sends has a token, its alternatives and the prompt's token ids. */
const MAX_EVENT_CHARACTERS = 16 * 2 ** 20

/** A push source of bytes that can be paused and cancelled. */
export interface ByteSource {
  /** Starts the source: bytes are pushed, and at last its end, with an error if there was one. */
  readonly listen: (onBytes: (bytes: Buffer) => void, onEnd: (error: Error | null) => void) => void
  readonly pause: () => void
  readonly resume: () => void
  /** Ignores further bytes, and lets the source end by itself. */
  readonly release: () => void
  readonly destroy: () => void
}

/** Takes the items of one read. Nothing more is read until the promise that it returns has resolved. */
export type TakeItems<T> = (items: readonly T[]) => Promise<unknown> | null

/**
 * Reads the events of a source to its end. Items are handed over by a call, in the turn in which they came: an async iterator would cost
 * each token some turns more.
 * @param read turns the data of an event into an item, or into nothing; it calls `end` at the last event: everything after it is ignored
 * @throws any error of the source, of `read` or of `take`, and an error if the source ends before its last event
 */
export async function parseEventStream<T> (
  source: ByteSource, read: (data: string, end: () => undefined) => T | undefined, take: TakeItems<T>): Promise<void> {
  const decoder = new StringDecoder()
  let items: T[] = []
  let isOver = false
  let isTaking = false
  let failure: { readonly error: unknown } | null = null
  const end = (): undefined => { isOver = true }
  const fail = (error: unknown): void => {
    failure ??= { error }
    isOver = true
  }
  const parser = createParser({
    onEvent ({ data }) {
      if (isOver) return
      const item = read(data, end)
      if (item !== undefined) items.push(item)
    },
    onError ({ type }) {
      if (type === 'max-buffer-size-exceeded') fail(new Error('an event of the model server is too long'))
    },
    maxBufferSize: MAX_EVENT_CHARACTERS,
  })
  await new Promise<void>((resolve, reject) => {
    function handOver (): void {
      if (isTaking) return
      if (items.length > 0) {
        const taken = items
        items = []
        try {
          const taking = take(taken)
          if (taking !== null) { wait(taking); return }
        } catch (error) {
          fail(error)
        }
      }
      if (!isOver) return
      if (failure === null) {
        source.release()
        resolve()
      } else {
        source.destroy()
        reject(failure.error)
      }
    }
    function wait (taking: Promise<unknown>): void {
      isTaking = true
      source.pause()
      taking.catch(fail).finally(() => {
        isTaking = false
        handOver()
        if (!isTaking) source.resume()
      })
    }
    source.listen((bytes) => {
      if (isOver) return
      try {
        parser.feed(decoder.write(bytes))
      } catch (error) {
        fail(error)
      }
      handOver()
    }, (error) => {
      if (!isOver) fail(error ?? new Error('the stream of the model server broke off'))
      handOver()
    })
  })
}
