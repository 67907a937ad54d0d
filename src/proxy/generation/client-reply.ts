import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { EngineRun } from '../dialects/dialect.js'
import { ToolCallParts } from '../protocol/action.js'
import { breakOff } from '../protocol/broken-reply.js'
import type { JsonObject } from '../protocol/json.js'
import type { Piece, Usage } from '../protocol/openai-chunks.js'
import { bodilessResponseHeaders, type RawHeaders } from '../protocol/raw-headers.js'
import type { CompletionRoute, StoppableRequest } from '../protocol/stoppable-request.js'

/** The field about the generation in the last chunk, or in the whole reply. */
export interface StopgateField {
  readonly generation_id: string
  readonly arm: string | null
  readonly stopped: boolean
  /** All tokens generated: reasoning, with its discarded end, and answer. */
  readonly tokens: number
  readonly threshold: number | null
  readonly probe_tokens: number
  /** Tokens generated behind the prefix that the answer was written from; 0 without a stop. */
  readonly discarded_tokens: number
}

/** The reply to the client: a stream, or one JSON object. */
export interface ClientReply {
  /** Passes a piece of the engine's own stream on. `field` is called with the last one. */
  readonly pass: (piece: Piece, field: () => StopgateField) => void
  /** The answer follows the first `tokens` tokens. Whatever the client does not have yet of the rest is left out. */
  readonly cut: (tokens: number) => void
  /** Writes text, or parts of tool calls, behind stopped reasoning. */
  readonly write: (content: string, toolCalls?: readonly unknown[]) => void
  /** @param finish `null`: the engine's own pieces had the finish reason */
  readonly end: (finish: string | null, usage: Usage | null, field: StopgateField) => void
  /** Ends with an error of the engine; `null`: breaks off. */
  readonly fail: (error: unknown) => void
  /** Sends everything that `work` passes on and writes in one system call. */
  readonly sendTogether: (work: () => void) => void
  /** Waits until the client has read enough; `null`: there is nothing to wait for. */
  readonly drained: () => Promise<void> | null
}

export function replyHeaders (headers: RawHeaders, generationId: string, contentType: string): string[] {
  return [...bodilessResponseHeaders(headers), 'content-type', contentType, 'x-stopgate-generation', generationId]
}

/** One coherent stream in OpenAI's format. */
export function streamReply (
  { route, wantsUsage }: Pick<StoppableRequest, 'route' | 'wantsUsage'>, response: ServerResponse, headers: readonly string[]): ClientReply {
  let last: JsonObject = {}
  response.writeHead(200, [...headers])
  const write = chunkWriter(response)
  const sendText = (text: string) => { write(`data: ${text}\n\n`) }
  const send = (chunk: JsonObject) => { sendText(JSON.stringify(chunk)) }
  const envelope = (): JsonObject => ({ ...last, usage: undefined, stopgate: undefined }) // JSON leaves them out
  return {
    pass ({ chunk, finish, usage, isWithoutChoices, text }, field) {
      last = chunk
      if (text !== null && finish === null && chunk.usage === undefined) { sendText(text); return }
      const isUsage = usage !== null && isWithoutChoices
      if (isUsage && !wantsUsage) return
      if (isUsage || (finish !== null && !wantsUsage)) chunk.stopgate = field()
      if (!wantsUsage) delete chunk.usage
      send(chunk)
    },
    cut () {},
    write (content, toolCalls) { send({ ...envelope(), choices: [writtenChoice(route, content, null, toolCalls)] }) },
    end (finish, usage, field) {
      // After a natural end the engine's own last chunks have been passed on.
      if (finish !== null) send({ ...envelope(), choices: [writtenChoice(route, '', finish)], ...(!wantsUsage && { stopgate: field }) })
      if (finish !== null && wantsUsage) send({ ...envelope(), choices: [], usage: usage?.json ?? null, stopgate: field })
      write('data: [DONE]\n\n', true)
    },
    fail (error) {
      if (error === null) breakOff(response)
      else write(`data: ${JSON.stringify(error)}\n\ndata: [DONE]\n\n`, true)
    },
    sendTogether: (work) => { sendAtOnce(response, work) },
    drained: () => response.writableNeedDrain ? drainedOrClosed(response) : null,
  }
}

/** A choice of a chunk that the proxy itself writes. */
export function writtenChoice (
  route: CompletionRoute, content: string, finish: string | null, toolCalls?: readonly unknown[], index = 0): JsonObject {
  if (route !== 'chat') return { index, text: content, logprobs: null, finish_reason: finish }
  const delta = { ...(content !== '' && { content }), ...(toolCalls !== undefined && { tool_calls: toolCalls }) }
  return { index, delta, logprobs: null, finish_reason: finish }
}

export async function drainedOrClosed (response: ServerResponse): Promise<void> {
  const done = new AbortController() // removes the other listener
  const { signal } = done
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })])
  } finally {
    done.abort()
  }
}

/** The format of messages in one dialect. */
type MessageFormat = Pick<EngineRun, 'reasoningField' | 'emptyContent'>

/** One choice of a JSON reply, put together from the stream. */
export class WholeChoice {
  envelope: JsonObject = {}
  #reasoning = ''
  #content = ''
  #tokens = 0
  #finish: string | null = null
  readonly #ends: Array<{ readonly tokens: number, readonly reasoning: number, readonly content: number }> = [] // of each piece
  readonly #calls = new ToolCallParts()

  pass (piece: Piece): void {
    const { choices, usage, ...rest } = piece.chunk
    this.envelope = rest
    this.#reasoning += piece.reasoning
    this.#content += piece.content
    if (piece.toolCalls !== undefined) this.#calls.add(piece.toolCalls)
    this.#tokens += piece.tokens
    this.#ends.push({ tokens: this.#tokens, reasoning: this.#reasoning.length, content: this.#content.length })
    this.#finish = piece.finish ?? this.#finish
  }

  cut (tokens: number): void {
    const end = this.#ends.find((one) => one.tokens >= tokens) // a piece of several tokens has one text, and is kept whole
    this.#reasoning = this.#reasoning.slice(0, end?.reasoning)
    this.#content = this.#content.slice(0, end?.content)
  }

  write (content: string, toolCalls: readonly unknown[] = []): void {
    this.#content += content
    this.#calls.add(toolCalls)
  }

  /** @param finish `null`: that of the engine's own pieces */
  json (route: CompletionRoute, { reasoningField, emptyContent }: MessageFormat, finish: string | null, index = 0): JsonObject {
    const toolCalls = this.#calls.whole()
    const message = {
      role: 'assistant',
      content: this.#content === '' && this.#reasoning !== '' ? emptyContent : this.#content,
      ...(this.#reasoning !== '' && { [reasoningField]: this.#reasoning }),
      ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
    }
    return { index, ...(route === 'chat' ? { message } : { text: this.#content }), logprobs: null, finish_reason: finish ?? this.#finish }
  }
}

/** One JSON reply, put together from the stream. */
export function jsonReply (
  { route }: Pick<StoppableRequest, 'route'>, response: ServerResponse, headers: readonly string[], format: MessageFormat): ClientReply {
  const whole = new WholeChoice()
  return {
    ...collecting(whole),
    end (finish, usage, field) {
      const choices = [whole.json(route, format, finish)]
      sendWhole(route, response, headers, { ...whole.envelope, choices, usage: usage?.json ?? null, stopgate: field })
    },
    fail (error) { sendFailure(response, error) },
  }
}

/** The part of a JSON reply that collects a choice; nothing is sent before its end. */
export function collecting (whole: WholeChoice): Omit<ClientReply, 'end' | 'fail'> {
  return {
    pass (piece) { whole.pass(piece) },
    cut (tokens) { whole.cut(tokens) },
    write (content, toolCalls) { whole.write(content, toolCalls) },
    sendTogether: (work) => { work() },
    drained: () => null,
  }
}

export function sendWhole (route: CompletionRoute, response: ServerResponse, headers: readonly string[], body: JsonObject): void {
  const text = JSON.stringify({ ...body, object: route === 'chat' ? 'chat.completion' : 'text_completion' })
  response.writeHead(200, [...headers]).end(Buffer.from(text)) // Node would write the head in the encoding of a string
}

export function sendFailure (response: ServerResponse, error: unknown): void {
  if (error === null) breakOff(response)
  else response.writeHead(502, { 'content-type': 'application/json' }).end(JSON.stringify(error))
}

/** Writes a piece of a body. It must not be empty: an empty chunk would end the body. */
export type WriteChunk = (text: string, isLast?: boolean) => void

/**
 * Writes each chunk of a body (RFC 9112, section 7.1) as one piece, where Node would write four. Call it after the head has been set, which
 * decides whether the body has chunks.
 */
export function chunkWriter (response: ServerResponse): WriteChunk {
  const isChunked = response.chunkedEncoding
  response.chunkedEncoding = false // from here on Node leaves the body as it is
  return (text, isLast = false) => {
    const bytes = Buffer.byteLength(text)
    const chunk = isChunked ? `${bytes.toString(16)}\r\n${text}\r\n${isLast ? '0\r\n\r\n' : ''}` : text
    // Node writes the head in the encoding of the first string, and headers are latin1.
    const piece = bytes === text.length ? chunk : Buffer.from(chunk)
    if (isLast) response.end(piece, 'latin1')
    else response.write(piece, 'latin1')
  }
}

/** Sends everything that `write` writes in one system call, before it returns: by itself Node waits until the end of the turn. */
export function sendAtOnce (response: ServerResponse, write: () => void): void {
  const { socket } = response // none while an earlier request of the connection is answered
  socket?.cork()
  try {
    write()
  } finally {
    socket?.uncork()
  }
}
