import { parseEventStream, type ByteSource, type TakeItems } from './event-stream.js'
import { isJsonObject, itemsOf, numberOrNull, textOf, tokenIdsOf, type JsonObject } from './json.js'
import type { CompletionRoute } from './stoppable-request.js'

/** Token counts of a generation. */
export interface Usage {
  readonly promptTokens: number | null
  readonly completionTokens: number | null
  /** The field as it goes on to the client, with counts that the proxy does not read. */
  readonly json: JsonObject
}

/** The content of one event of the engine. */
export interface Piece {
  readonly tokens: number
  /** `null`: the engine does not state them. */
  readonly ids: readonly number[] | null
  readonly reasoning: string
  readonly content: string
  /** White space at the beginning of an answer, which is left out of `content`; absent: none. */
  readonly blank?: string
  /** Parts of tool calls; absent: none. */
  readonly toolCalls?: readonly unknown[]
  /** Whether the token that closes the reasoning is in it, or a tool call, before which the engine has closed it. */
  readonly isClosing: boolean
  readonly finish: string | null
  readonly usage: Usage | null
  /** Whether the list of choices is empty, as in the chunk that has the usage. */
  readonly isWithoutChoices: boolean
  /** The chunk as it goes on to the client, without token ids. */
  readonly chunk: JsonObject
  /** The same chunk as the engine wrote it; `null`: serialize `chunk`. */
  readonly text: string | null
}

/** Reads a stream of pieces to its end. A stream that breaks off throws. */
export type PieceReader = (take: TakeItems<Piece>) => Promise<void>

/** The engine ended its stream with an error, which goes on to the client as it is. */
export class StreamError extends Error {
  override name = 'StreamError'
  readonly chunk: unknown
  constructor (chunk: unknown) {
    super(JSON.stringify(chunk).slice(0, 500))
    this.chunk = chunk
  }
}

interface ReadOptions {
  readonly route: CompletionRoute
  /** The token that closes the reasoning, if it is a single token and known. */
  readonly closeId?: number | null
  /** Receives the token ids of the prompt from the chunk that has them. */
  readonly onPrompt?: (ids: readonly number[]) => void
  /** Removes the fields that the engine was asked to add to a chunk. @returns the tokens of the chunk; `null`: not stated */
  readonly tokensOf?: (chunk: JsonObject) => number | null
}

/** Reads a stream in OpenAI's format, with the token ids that vLLM adds. A stream that breaks off throws. */
export function readPieces (body: ByteSource, options: ReadOptions): PieceReader {
  return async (take) => {
    await parseEventStream(body, (data, end) => data === '[DONE]' ? end() : parsePiece(data, options), take)
  }
}

export function usageOf (promptTokens: number, completionTokens: number, details: JsonObject = {}): Usage {
  const total = promptTokens + completionTokens
  const json = { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: total, ...details }
  return { promptTokens, completionTokens, json }
}

/** This runs for every token. @throws StreamError */
function parsePiece (data: string, { route, closeId = null, onPrompt, tokensOf }: ReadOptions): Piece {
  const chunk: unknown = JSON.parse(data)
  if (!isJsonObject(chunk) || chunk.error !== undefined || chunk.choices === undefined) throw new StreamError(chunk)
  const choice = firstChoice(chunk.choices)
  const hasIds = choice?.token_ids !== undefined
  const ids = hasIds ? tokenIdsOf(choice.token_ids) : null
  const hasPrompt = chunk.prompt_token_ids !== undefined || choice?.prompt_token_ids !== undefined
  if (hasIds) choice.token_ids = undefined // `delete` would make it slow to write
  if (hasPrompt) {
    const prompt = tokenIdsOf(chunk.prompt_token_ids ?? choice?.prompt_token_ids)
    if (prompt !== null) onPrompt?.(prompt)
    chunk.prompt_token_ids = undefined
    if (choice !== undefined) choice.prompt_token_ids = undefined
  }
  const delta = isJsonObject(choice?.delta) ? choice.delta : undefined
  const reasoning = route === 'chat' ? textOf(delta?.reasoning ?? delta?.reasoning_content) : ''
  const content = textOf(route === 'chat' ? delta?.content : choice?.text)
  const toolCalls = route === 'chat' ? itemsOf(delta?.tool_calls) : []
  const finish = choice?.finish_reason ?? null
  return {
    tokens: tokensOf?.(chunk) ?? ids?.length ?? (reasoning !== '' || content !== '' ? 1 : 0),
    ids,
    reasoning,
    content,
    ...(toolCalls.length > 0 && { toolCalls }),
    isClosing: toolCalls.length > 0 || (closeId !== null && ids !== null && ids.includes(closeId)),
    finish: finish === null ? null : textOf(finish),
    usage: isJsonObject(chunk.usage) ? parseUsage(chunk.usage) : null,
    isWithoutChoices: Array.isArray(chunk.choices) && chunk.choices.length === 0,
    chunk,
    text: hasPrompt || tokensOf !== undefined || data.includes('\n') ? null : hasIds ? withoutIds(data) : data,
  }
}

/** @returns `undefined` if there is none. A chunk whose choices are not a list is passed on to the client anyway. */
function firstChoice (choices: unknown): JsonObject | undefined {
  if (choices === null) throw new Error('a chunk of the model server has null for its choices')
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined
  return isJsonObject(first) ? first : undefined
}

function parseUsage (json: JsonObject): Usage {
  return { promptTokens: numberOrNull(json.prompt_tokens), completionTokens: numberOrNull(json.completion_tokens), json }
}

const NAME = 'token_ids"'
/** Not within a string: there the quotes would be escaped. */
const FIELD = `,"${NAME}:[`

/** `null` if there is no such field, or if the name occurs again, so that the choice's own field is not certain. */
function withoutIds (data: string): string | null {
  const start = data.indexOf(NAME) - 2
  const end = data.indexOf(']', start)
  if (!data.startsWith(FIELD, start) || data.includes(NAME, end)) return null
  return data.slice(0, start) + data.slice(end + 1)
}
