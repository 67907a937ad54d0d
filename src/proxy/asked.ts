import { createHash } from 'node:crypto'
import type { Context } from '../core/policy/context.js'
import { fitText } from './generation/fit-text.js'
import type { PassCause } from './pass-cause.js'
import type { Said } from './stopgate-headers.js'

export type Route = 'chat' | 'completions'
export type Body = Readonly<Record<string, unknown>>

/** A request for one generation that may be stopped. */
export interface Asked {
  readonly route: Route
  readonly path: string
  readonly body: Body
  readonly model: string
  readonly isStream: boolean
  readonly wantsUsage: boolean
  /** Most tokens of thought and answer; `null`: as many as the context has room for. */
  readonly maxTokens: number | null
  readonly context: Context
  /** Levels that X-Stopgate-Context names. */
  readonly stated: readonly string[]
  readonly group: string
  readonly samples: number | null
  readonly gold: string | null
}

/** What says how tokens are sampled: the answer after a stop is sampled alike. */
export const SAMPLING_FIELDS = [
  'temperature', 'top_p', 'top_k', 'min_p', 'seed', 'presence_penalty', 'frequency_penalty', 'repetition_penalty', 'repeat_penalty',
] as const

/** Fields with which a generation can be stopped. What else a request has is not known here, so that it is passed through. */
const KNOWN: Readonly<Record<Route, ReadonlySet<string>>> = {
  chat: new Set(['messages', 'max_completion_tokens', 'chat_template_kwargs', 'reasoning_effort', 'reasoning_format']),
  completions: new Set(['prompt']),
}
const COMMON: ReadonlySet<string> = new Set([
  'model', 'stream', 'stream_options', 'max_tokens', 'user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key',
  ...SAMPLING_FIELDS,
])

/** Fields that can't be served identically, unless they ask for nothing. */
const REFUSED: ReadonlyArray<readonly [fields: readonly string[], cause: PassCause]> = [
  [['tools', 'functions', 'tool_choice', 'function_call', 'parallel_tool_calls'], 'tools'],
  [['n', 'best_of'], 'several_samples'],
  [['response_format', 'structured_outputs', 'guided_json', 'guided_regex', 'guided_choice', 'guided_grammar', 'grammar', 'json_schema'], 'structured_output'],
  [['modalities', 'audio', 'mm_processor_kwargs'], 'media'],
  [['logprobs', 'top_logprobs', 'prompt_logprobs', 'return_token_ids', 'return_tokens_as_token_ids'], 'logprobs'],
  [['stop', 'stop_token_ids'], 'stop_strings'],
  [['echo', 'suffix'], 'echo'],
]

/** How long requests with one prompt are samples of one group, ms. */
const GROUP_MS = 1_800_000

/**
 * The generation that a body asks for, or why it is passed through.
 * @param now ms since 1970, alike in all proxies
 */
export function readAsked (route: Route, path: string, body: Body, said: Said, now: number): Asked | PassCause {
  for (const [fields, cause] of REFUSED) if (fields.some((field) => asksForSomething(field, body[field]))) return cause
  for (const field in body) {
    const isRefused = REFUSED.some(([fields]) => fields.includes(field))
    if (!isRefused && body[field] !== null && !COMMON.has(field) && !KNOWN[route].has(field)) return 'unknown_field'
  }
  const { model, stream_options: options, metadata } = body
  if (typeof model !== 'string' || model === '') return 'unknown_field'
  if (Object.keys(options ?? {}).some((field) => field !== 'include_usage')) return 'unknown_field'
  const problem = route === 'chat' ? messagesProblem(body.messages) : promptProblem(body.prompt)
  if (problem !== null) return problem
  const most = body.max_completion_tokens ?? body.max_tokens ?? null
  return {
    route,
    path,
    body,
    model,
    isStream: body.stream === true,
    wantsUsage: (options as { include_usage?: boolean } | null | undefined)?.include_usage === true,
    maxTokens: typeof most === 'number' ? most : route === 'completions' ? 16 : null, // 16 is OpenAI's default
    context: { ...contextOf(metadata), ...said.context, model: fitText(model, 128) },
    stated: Object.keys(said.context),
    group: said.group ?? promptGroup(body, now),
    samples: said.group === null ? 1 : said.samples,
    gold: said.gold,
  }
}

function asksForSomething (field: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false
  if ((field === 'n' || field === 'best_of') && value === 1) return false
  if (field === 'parallel_tool_calls' || value === 'none' || value === '') return false
  if (field === 'response_format') return (value as { type?: string }).type !== 'text'
  return !(Array.isArray(value) && value.length === 0)
}

function messagesProblem (messages: unknown): PassCause | null {
  if (!Array.isArray(messages) || messages.length === 0) return 'body'
  for (const message of messages) {
    if (message === null || typeof message !== 'object') return 'body'
    const { role, content, tool_calls: calls } = message as { role?: unknown, content?: unknown, tool_calls?: unknown }
    if (role === 'tool' || role === 'function' || (calls ?? null) !== null) return 'tools'
    if (Array.isArray(content) && content.some((part) => part?.type !== 'text')) return 'media'
  }
  return null
}

function promptProblem (prompt: unknown): PassCause | null {
  const isIds = Array.isArray(prompt) && prompt.length > 0 && prompt.every(Number.isInteger)
  return typeof prompt === 'string' || isIds ? null : 'prompt_list'
}

/** Levels that the request's metadata names. Others are left out when the context is looked up. */
function contextOf (metadata: unknown): Context {
  const context: Record<string, string> = Object.create(null)
  if (metadata === null || typeof metadata !== 'object') return context
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 128) context[name] = value
  }
  return context
}

/**
 * Requests with the same prompt are samples of one group for a while, and share an arm. A prompt that comes back later draws anew: else
 * prompts that always come back would be control for ever or never, and the evidence would be about those few alone.
 */
function promptGroup ({ model, messages, prompt }: Body, now: number): string {
  const prompted = JSON.stringify([model, messages ?? prompt, Math.floor(now / GROUP_MS)])
  return 'prompt-' + createHash('sha256').update(prompted).digest('hex').slice(0, 32)
}
