import type { Asked } from '../asked.js'
import type { RawHeaders } from '../hop-by-hop.js'
import type { PassCause } from '../pass-cause.js'
import type { DialectName } from '../proxy-settings.js'
import type { Take } from '../generation/event-stream.js'
import type { ProbeStyle } from '../generation/probe-styles.js'
import type { ThinkTags } from '../generation/thought-tracker.js'
import type { UpstreamReply } from '../exchange.js'
import type { Upstream } from '../upstream.js'

/** A chunk of a stream, or a whole reply, as the client reads it. */
export type Chunk = Record<string, any>

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null
}

/** What came with one event of the engine. */
export interface Piece {
  readonly tokens: number
  /** `null`: the engine does not tell them. */
  readonly ids: readonly number[] | null
  readonly reasoning: string
  readonly content: string
  /** Whether the token that closes the thought is in it. */
  readonly isClosing: boolean
  readonly finish: string | null
  readonly usage: Usage | null
  /** The event as it goes on to the client. */
  readonly chunk: Chunk
  /** The chunk as the engine wrote it, without the choice's token ids; absent or null: serialize `chunk`. */
  readonly text?: string | null
}

/** The thought so far, as the client has it. */
export interface Thought {
  readonly tokens: number
  /** `null`: not known, so that the text goes upstream. */
  readonly ids: readonly number[] | null
  /** Empty where the dialect has ids. */
  readonly text: string
}

/** An answer that was forced aside. */
export interface Forced {
  readonly text: string
  /** Of each of its tokens. */
  readonly logprobs: ReadonlyArray<number | null>
  readonly tokens: number
  readonly promptTokens: number | null
  /** Of the prompt's tokens, those that the prefix cache had; `null`: the engine does not tell. */
  readonly cachedTokens: number | null
}

/** Reads a stream to its end. A stream that breaks off throws. */
export type Pieces = (take: Take<Piece>) => Promise<void>

/** One generation in the engine. */
export interface Run {
  readonly reply: UpstreamReply
  /** Field of messages that has the thought. */
  readonly reasoningField: 'reasoning' | 'reasoning_content'
  /** @param nextCheck tokens of the thought at which the engine has to pause, where the dialect has pauses */
  readonly pieces: (nextCheck: () => number) => Pieces
  /** Whether the prompt ends inside a thought; known with the first piece. */
  readonly isOpened: () => boolean
  readonly promptTokens: () => number | null
  /** Forces an answer behind the thought. It leaves no trace in the generation. */
  readonly probe: (thought: Thought, signal: AbortSignal) => Promise<Forced>
  /** Closes the thought and has the answer written. Resolves once the engine has taken the request. */
  readonly answer: (thought: Thought, signal: AbortSignal) => Promise<Pieces>
  /** Ends the thought's stream. */
  readonly abort: () => void
}

/** How a kind of model server is spoken to. */
export interface Dialect {
  readonly name: DialectName
  /** Whether prefixes go upstream as token ids. */
  readonly hasIds: boolean
  /** Whether the engine generates up to a check and waits for it, since a probe beside the stream would cost more. */
  readonly hasPauses: boolean
  /** Why a request can't be served identically; `null`: it can. */
  readonly refusal: (asked: Asked) => PassCause | null
  /**
   * Sends the request. Resolves when the engine has answered, be it with an error.
   * @param firstCheck tokens at which the thought is first checked
   */
  readonly begin: (asked: Asked, headers: RawHeaders, signal: AbortSignal, firstCheck: number) => Promise<Run>
}

/** What every dialect is made with. */
export interface DialectParts {
  readonly upstream: Upstream
  readonly tags: ThinkTags
  /** What is written in place of a thought's own end. */
  readonly close: string
  readonly style: ProbeStyle
  readonly probeTokens: number
}
