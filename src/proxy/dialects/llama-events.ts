import { fieldOf, isJsonObject, numberOrNull, textOf, tokenIdsOf, type JsonObject } from '../protocol/json.js'
import { StreamError, usageOf, type Piece } from '../protocol/openai-chunks.js'
import type { CompletionRoute } from '../protocol/stoppable-request.js'
import type { ReasoningTags } from './dialect.js'

/** An event of llama.cpp's own route. */
export interface LlamaEvent {
  readonly content: string
  readonly tokens: readonly number[]
  /** Whether it is the last event. */
  readonly isEnd: boolean
  /** Whether generating ended at the limit of tokens. */
  readonly isAtLimit: boolean
  /** Tokens of the prompt, and those of them that were in the cache; in the last event. */
  readonly promptTokens: number | null
  readonly cachedTokens: number | null
}

/** Tokens of a prompt, and those of them that were in the cache. */
export type LlamaPrompt = Pick<LlamaEvent, 'promptTokens' | 'cachedTokens'>

/** `prompt_tokens_details` as llama.cpp's OpenAI routes state them; nothing if the cached part is unknown. */
export function promptDetails ({ cachedTokens }: LlamaPrompt): JsonObject {
  return cachedTokens === null ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }
}

/** This runs for every token. @throws StreamError */
export function parseLlamaEvent (data: string): LlamaEvent {
  const parsed: unknown = JSON.parse(data)
  const event = isJsonObject(parsed) ? parsed : {}
  if (event.error !== undefined) throw new StreamError(event)
  return {
    content: textOf(event.content),
    tokens: tokenIdsOf(event.tokens) ?? [],
    isEnd: event.stop === true,
    isAtLimit: event.stop_type === 'limit',
    promptTokens: numberOrNull(event.tokens_evaluated),
    cachedTokens: numberOrNull(fieldOf(event.timings, 'cache_n')),
  }
}

export type LlamaTranslator = ReturnType<typeof createLlamaTranslator>

/** Translates events of llama.cpp's own route into chunks as its OpenAI routes would send them. */
export function createLlamaTranslator (
  route: CompletionRoute, { open, close }: ReasoningTags, named: { id: string, created: number, model: string }, isOpened: boolean
) {
  const envelope = { ...named, object: route === 'chat' ? 'chat.completion.chunk' : 'text_completion' }
  let isReasoning = isOpened
  let isFirst = true
  let hasContent = false

  /** The parts of a text that belong to the reasoning and to the answer. The tags are single tokens, so that they come whole. */
  function split (text: string): { reasoning: string, content: string, isClosing: boolean, blank?: string } {
    if (route === 'completions') {
      const isClosing = isReasoning && text.includes(close)
      if (text.includes(open)) isReasoning = true
      if (isClosing) isReasoning = false
      return { reasoning: '', content: text, isClosing }
    }
    if (!isReasoning && !hasContent && text.trim() === open) {
      isReasoning = true
      return { reasoning: '', content: '', isClosing: false }
    }
    const [before = '', ...after] = isReasoning ? text.split(close) : ['', text]
    const isClosing = isReasoning && after.length > 0
    if (isClosing) isReasoning = false
    const behind = after.join(close)
    const content = hasContent ? behind : behind.trimStart()
    hasContent ||= content !== ''
    return { reasoning: before, content, isClosing, blank: behind.slice(0, behind.length - content.length) }
  }

  function chunkOf (reasoning: string, content: string, finish: string | null): JsonObject {
    const choice = { index: 0, finish_reason: finish }
    if (route === 'completions') return { ...envelope, choices: [{ ...choice, text: content, logprobs: null }] }
    const role = isFirst ? { role: 'assistant', content: null } : {}
    const delta = { ...role, ...(reasoning !== '' && { reasoning_content: reasoning }), ...(content !== '' && { content }) }
    isFirst = false
    return { ...envelope, choices: [{ ...choice, delta }] }
  }

  const empty = {
    tokens: 0, ids: [], reasoning: '', content: '', isClosing: false, finish: null, usage: null, isWithoutChoices: false, text: null,
  }

  return {
    /** Whether the reasoning may go on: it has not been closed, or no answer has begun. */
    mayReason: () => isReasoning || !hasContent,
    pieceOf ({ content: text, tokens }: LlamaEvent): Piece {
      const { reasoning, content, isClosing, blank = '' } = split(text)
      return { ...empty, tokens: tokens.length, ids: tokens, reasoning, content, isClosing, ...(blank !== '' && { blank }), chunk: chunkOf(reasoning, content, null) }
    },
    /** The chunk with the finish reason, and the chunk with the usage. */
    endPieces (finish: 'length' | 'stop', prompt: LlamaPrompt, completionTokens: number): Piece[] {
      const usage = usageOf(prompt.promptTokens ?? 0, completionTokens, promptDetails(prompt))
      return [
        { ...empty, finish, chunk: chunkOf('', '', finish) },
        { ...empty, usage, isWithoutChoices: true, chunk: { ...envelope, choices: [], usage: usage.json } },
      ]
    },
  }
}
