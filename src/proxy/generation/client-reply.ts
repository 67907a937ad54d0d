import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Asked } from '../asked.js'
import type { Chunk, Piece, Usage } from '../dialects/dialect.js'
import { ownResponseHeaders, type RawHeaders } from '../hop-by-hop.js'
import { chunkWriter, sendAtOnce } from './chunk-writer.js'

/** What the last chunk, or the whole reply, says about the generation. */
export interface StopgateField {
  readonly generation_id: string
  readonly arm: string | null
  readonly stopped: boolean
  readonly tokens: number
  readonly threshold: number | null
  readonly probe_tokens: number
  readonly tokens_saved: number | null
}

/** How the client is answered: by a stream or at once. */
export interface ClientReply {
  /** Passes a piece of the engine's own stream on. `field` is asked for with the last one. */
  readonly pass: (piece: Piece, field: () => StopgateField) => void
  /** Writes text behind a stopped thought. */
  readonly write: (content: string) => void
  readonly end: (finish: string | null, usage: Usage | null, field: StopgateField) => void
  /** Ends with an error of the engine. */
  readonly fail: (error: Chunk | null) => void
  /** Sends at once what `work` passes on and writes. */
  readonly together: (work: () => void) => void
  /** Waits until the client has taken what was written. */
  readonly drained: () => Promise<void> | null
}

export function headersOf (headers: RawHeaders, generationId: string, contentType: string): string[] {
  return [...ownResponseHeaders(headers), 'content-type', contentType, 'x-stopgate-generation', generationId]
}

/** One coherent stream in OpenAI's format. */
export function streamReply ({ route, wantsUsage }: Asked, response: ServerResponse, headers: readonly string[]): ClientReply {
  let last: Chunk = {}
  response.writeHead(200, [...headers])
  const write = chunkWriter(response)
  const sendText = (text: string) => { write(`data: ${text}\n\n`) }
  const send = (chunk: Chunk) => { sendText(JSON.stringify(chunk)) }
  const choice = (content: string, finish: string | null) => route === 'chat'
    ? { index: 0, delta: content === '' ? {} : { content }, logprobs: null, finish_reason: finish }
    : { index: 0, text: content, logprobs: null, finish_reason: finish }
  const envelope = (): Chunk => ({ ...last, usage: undefined, stopgate: undefined }) // JSON leaves them out
  return {
    pass ({ chunk, finish, usage, text = null }, field) {
      last = chunk
      if (text !== null && finish === null && chunk.usage === undefined) { sendText(text); return }
      const isUsage = usage !== null && chunk.choices.length === 0
      if (isUsage && !wantsUsage) return
      if (isUsage || (finish !== null && !wantsUsage)) chunk.stopgate = field()
      if (!wantsUsage) delete chunk.usage
      send(chunk)
    },
    write (content) { send({ ...envelope(), choices: [choice(content, null)] }) },
    end (finish, usage, field) {
      // After a natural end the engine's own last chunks have been passed on.
      if (finish !== null) send({ ...envelope(), choices: [choice('', finish)], ...(!wantsUsage && { stopgate: field }) })
      if (finish !== null && wantsUsage) send({ ...envelope(), choices: [], usage, stopgate: field })
      write('data: [DONE]\n\n', true)
    },
    fail (error) {
      if (error === null) response.destroy()
      else write(`data: ${JSON.stringify(error)}\n\ndata: [DONE]\n\n`, true)
    },
    together: (work) => { sendAtOnce(response, work) },
    drained: () => response.writableNeedDrain ? drainedOrClosed(response) : null,
  }
}

async function drainedOrClosed (response: ServerResponse): Promise<void> {
  const done = new AbortController() // takes the other listener away
  const { signal } = done
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })])
  } finally {
    done.abort()
  }
}

/** One JSON reply, put together from the stream. */
export function jsonReply ({ route }: Asked, response: ServerResponse, headers: readonly string[], reasoningField: string): ClientReply {
  let envelope: Chunk = {}
  let [reasoning, content] = ['', '']
  let finished: string | null = null
  return {
    pass (piece) {
      const { choices, usage, ...rest } = piece.chunk
      envelope = rest
      reasoning += piece.reasoning
      content += piece.content
      finished = piece.finish ?? finished
    },
    write (text) { content += text },
    end (finish, usage, field) {
      const message = { role: 'assistant', content: content === '' && reasoning !== '' ? null : content, ...(reasoning !== '' && { [reasoningField]: reasoning }) }
      const choice = { index: 0, ...(route === 'chat' ? { message } : { text: content }), logprobs: null, finish_reason: finish ?? finished }
      const object = route === 'chat' ? 'chat.completion' : 'text_completion'
      const body = JSON.stringify({ ...envelope, object, choices: [choice], usage, stopgate: field })
      response.writeHead(200, [...headers]).end(Buffer.from(body)) // Node would write the head in the encoding of a string
    },
    fail (error) {
      if (error === null) response.destroy()
      else response.writeHead(502, { 'content-type': 'application/json' }).end(JSON.stringify(error))
    },
    together: (work) => { work() },
    drained: () => null,
  }
}
