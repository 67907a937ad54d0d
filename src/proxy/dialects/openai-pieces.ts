import type { Route } from '../asked.js'
import { readEvents } from '../generation/event-stream.js'
import type { ByteSource } from '../reply-body.js'
import type { Chunk, Piece, Pieces } from './dialect.js'

/** The engine ended its stream with an error, which goes on to the client as it is. */
export class StreamError extends Error {
  override name = 'StreamError'
  readonly chunk: Chunk
  constructor (chunk: Chunk) {
    super(JSON.stringify(chunk).slice(0, 500))
    this.chunk = chunk
  }
}

export interface ReadOptions {
  readonly route: Route
  /** The token that closes a thought, where it is one and known. */
  readonly closeId?: number | null
  /** Takes the prompt's token ids out of the chunk that has them. */
  readonly onPrompt?: (ids: readonly number[]) => void
}

/** Reads a stream in OpenAI's format, with the token ids that vLLM adds. A stream that breaks off throws. */
export function readPieces (body: ByteSource, options: ReadOptions): Pieces {
  return async (take) => {
    await readEvents(body, (data, end) => data === '[DONE]' ? end() : pieceOf(data, options), take)
  }
}

function pieceOf (data: string, { route, closeId = null, onPrompt }: ReadOptions): Piece {
  const chunk: Chunk = JSON.parse(data)
  if (chunk.error !== undefined || chunk.choices === undefined) throw new StreamError(chunk)
  const choice = chunk.choices[0]
  const prompt = chunk.prompt_token_ids ?? choice?.prompt_token_ids
  if (Array.isArray(prompt)) onPrompt?.(prompt)
  const ids: readonly number[] | null = choice?.token_ids ?? null
  const hasIds = choice?.token_ids !== undefined
  const hasPrompt = chunk.prompt_token_ids !== undefined || choice?.prompt_token_ids !== undefined
  if (hasIds) choice.token_ids = undefined // `delete` would make it slow to write
  if (hasPrompt) {
    chunk.prompt_token_ids = undefined
    if (choice !== undefined) choice.prompt_token_ids = undefined
  }
  const reasoning = route === 'chat' ? choice?.delta?.reasoning ?? choice?.delta?.reasoning_content ?? '' : ''
  const content = (route === 'chat' ? choice?.delta?.content : choice?.text) ?? ''
  return {
    tokens: ids?.length ?? (reasoning !== '' || content !== '' ? 1 : 0),
    ids,
    reasoning,
    content,
    isClosing: closeId !== null && ids !== null && ids.includes(closeId),
    finish: choice?.finish_reason ?? null,
    usage: chunk.usage ?? null,
    chunk,
    text: hasPrompt || data.includes('\n') ? null : hasIds ? withoutIds(data) : data,
  }
}

const NAME = 'token_ids"'
/** Not within a string: there the quotes would be escaped. */
const FIELD = `,"${NAME}:[`

/** `null` if there is no such field, or if the name occurs again, so that the choice's own cannot be told. */
function withoutIds (data: string): string | null {
  const start = data.indexOf(NAME) - 2
  const end = data.indexOf(']', start)
  if (!data.startsWith(FIELD, start) || data.includes(NAME, end)) return null
  return data.slice(0, start) + data.slice(end + 1)
}
