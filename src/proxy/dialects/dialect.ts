import type { ProbeForm } from '../../core/decide/index.js'
import type { PieceReader } from '../protocol/openai-chunks.js'
import type { JsonObject } from '../protocol/json.js'
import type { RawHeaders } from '../protocol/raw-headers.js'
import type { Need, PassCause, StoppableRequest } from '../protocol/stoppable-request.js'
import type { Upstream, UpstreamReply } from '../protocol/upstream.js'
import type { Drawn, ForcedAnswer } from './forced-answer.js'

/** The dialects that `--dialect` names. */
export const DIALECT_NAMES = ['vllm', 'llama.cpp', 'sglang', 'plain'] as const
export type DialectName = typeof DIALECT_NAMES[number]

/** The texts between which a model reasons. */
export interface ReasoningTags { readonly open: string, readonly close: string }

/** The texts before and after the tag that closes the reasoning. */
type Closing = Pick<ProbeForm, 'before' | 'after'>

/** The text that closes the reasoning. */
export function closeTextOf ({ before, after }: Closing, { close }: ReasoningTags): string { return before + close + after }

/** The first tokens of a reasoning. */
export interface ReasoningPrefix {
  readonly tokens: number
  /** `null`: not known, so that the text goes upstream. */
  readonly ids: readonly number[] | null
  /** Empty where the dialect has ids. */
  readonly text: string
}

/** One generation in the engine. */
export interface EngineRun {
  readonly reply: UpstreamReply
  /** The field of messages that has the reasoning. */
  readonly reasoningField: 'reasoning' | 'reasoning_content'
  /** The content of a message that has reasoning and no text. */
  readonly emptyContent: '' | null
  /** Whether prefixes go upstream as token ids. */
  readonly hasIds: boolean
  /** Whether the engine generates up to a check and waits for it, since a probe beside the stream would cost more. */
  readonly hasPauses: boolean
  /** Whether the engine decodes at most one token of a probe for each of the stream; absent: it is not known. */
  readonly isInStep?: boolean
  /** @param nextCheck tokens of the reasoning at which the engine has to pause, where the dialect has pauses */
  readonly pieces: (nextCheck: () => number) => PieceReader
  /** Whether the prompt opens the reasoning; known with the first piece. */
  readonly isOpened: () => boolean
  readonly promptTokens: () => number | null
  /** `prompt_tokens_details` of the usage after a stop; absent: the engine has not stated them. */
  readonly promptDetails?: () => JsonObject | null
  /**
   * Forces an answer behind the reasoning. It leaves no trace in the generation.
   * @param drawn how its tokens are chosen; as the answer would be, unless it is stated
   */
  readonly probe: (prefix: ReasoningPrefix, form: ProbeForm, signal: AbortSignal, drawn?: Drawn) => Promise<ForcedAnswer>
  /** Requests the answer behind a prefix, closed as its probe was. Resolves once the engine has accepted the request. */
  readonly answer: (prefix: ReasoningPrefix, closing: Closing, signal: AbortSignal) => Promise<PieceReader>
  /** Ends the stream of the reasoning. */
  readonly abort: () => void
}

/** The protocol of one kind of model server. */
export interface Dialect {
  readonly name: DialectName
  /** Why a request can't be served identically; `null`: it can. */
  readonly refusal: (request: StoppableRequest) => PassCause | null
  /**
   * Sends the request. Resolves when the engine has answered, even with an error.
   * @param firstCheck tokens at which the reasoning is first checked
   */
  readonly start: (request: StoppableRequest, headers: RawHeaders, signal: AbortSignal, firstCheck: number) => Promise<EngineRun>
}

export interface DialectOptions {
  readonly upstream: Upstream
  readonly tags: ReasoningTags
}

/** The engine lacks a feature that its dialect needs, such as its tokenizer route: the request is passed through. */
export class DialectError extends Error {
  override name = 'DialectError'
  readonly passCause: PassCause
  constructor (message: string, passCause: PassCause = 'not_ready') {
    super(message)
    this.passCause = passCause
  }
}

/** The first feature of a request that a dialect does not serve; `null`: it serves all. */
export function unserved ({ needs }: StoppableRequest, ...served: readonly Need[]): Need | null {
  return needs.find((need) => !served.includes(need)) ?? null
}

/** @throws Error that opens with `problem` if the engine has refused a request */
export async function requireAccepted ({ status, body }: UpstreamReply, problem: string): Promise<void> {
  if (status !== 200) throw new Error(`${problem}: ${status} ${(await body.text()).slice(0, 200)}`)
}
