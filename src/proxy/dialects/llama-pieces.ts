import type { Route } from '../asked.js'
import type { ThinkTags } from '../generation/thought-tracker.js'
import type { Chunk, Piece, Usage } from './dialect.js'

/** An event of llama.cpp's own route. */
export interface LlamaEvent {
  readonly content?: string
  readonly tokens?: readonly number[]
  readonly stop?: boolean
  readonly stop_type?: 'eos' | 'limit' | 'word' | 'none'
  readonly tokens_evaluated?: number
}

export type LlamaPieces = ReturnType<typeof createLlamaPieces>

/** Turns events of llama.cpp's own route into chunks as its OpenAI routes would send them. */
export function createLlamaPieces (
  route: Route, { open, close }: ThinkTags, named: { id: string, created: number, model: string }, isOpened: boolean
) {
  const envelope = { ...named, object: route === 'chat' ? 'chat.completion.chunk' : 'text_completion' }
  let isThinking = isOpened
  let isFirst = true
  let hasContent = false

  /** The parts of a text that belong to the thought and to the answer. The tags are single tokens, so that they come whole. */
  function split (text: string): { reasoning: string, content: string, isClosing: boolean } {
    if (route === 'completions') {
      const isClosing = isThinking && text.includes(close)
      if (text.includes(open)) isThinking = true
      if (isClosing) isThinking = false
      return { reasoning: '', content: text, isClosing }
    }
    if (!isThinking && !hasContent && text.trim() === open) {
      isThinking = true
      return { reasoning: '', content: '', isClosing: false }
    }
    const [before = '', ...after] = isThinking ? text.split(close) : ['', text]
    const isClosing = isThinking && after.length > 0
    if (isClosing) isThinking = false
    const behind = after.join(close)
    const content = hasContent ? behind : behind.trimStart()
    hasContent ||= content !== ''
    return { reasoning: before, content, isClosing }
  }

  function chunkOf (reasoning: string, content: string, finish: string | null): Chunk {
    const choice = { index: 0, finish_reason: finish }
    if (route === 'completions') return { ...envelope, choices: [{ ...choice, text: content, logprobs: null }] }
    const role = isFirst ? { role: 'assistant', content: null } : {}
    const delta = { ...role, ...(reasoning !== '' && { reasoning_content: reasoning }), ...(content !== '' && { content }) }
    isFirst = false
    return { ...envelope, choices: [{ ...choice, delta }] }
  }

  const none = { tokens: 0, ids: [], reasoning: '', content: '', isClosing: false, finish: null, usage: null }

  return {
    isThinking: () => isThinking || !hasContent,
    of ({ content: text = '', tokens = [] }: LlamaEvent): Piece {
      const { reasoning, content, isClosing } = split(text)
      return { ...none, tokens: tokens.length, ids: tokens, reasoning, content, isClosing, chunk: chunkOf(reasoning, content, null) }
    },
    /** The chunk with the reason of the end, and that with the usage. */
    end (finish: string, promptTokens: number, completionTokens: number): Piece[] {
      const total = promptTokens + completionTokens
      const usage: Usage = { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: total }
      return [
        { ...none, finish, chunk: chunkOf('', '', finish) },
        { ...none, usage, chunk: { ...envelope, choices: [], usage } },
      ]
    },
  }
}
