import { createHash } from 'node:crypto'
import type { Context } from '../../core/policy/context.js'
import { fieldOf, isJsonObject, itemsOf, type JsonObject } from './json.js'
import { fitText, MAX_NAME_BYTES, type StopgateHeaders } from './stopgate-headers.js'

export type CompletionRoute = 'chat' | 'completions'
export type RequestBody = Readonly<JsonObject>

/** A client's request for one generation that may be stopped. */
export interface StoppableRequest {
  readonly route: CompletionRoute
  readonly path: string
  readonly body: RequestBody
  readonly model: string
  readonly isStream: boolean
  readonly wantsUsage: boolean
  /** Largest number of tokens of reasoning and answer; `null`: as many as the context window has room for. */
  readonly maxTokens: number | null
  readonly context: Context
  /** Levels that X-Stopgate-Context names. */
  readonly statedLevels: readonly string[]
  /** `null`: not stated. */
  readonly group: string | null
  /** Hash of the prompt. */
  readonly prompt: string
  /** Number of requests in the group; `null`: not stated, or there is no group. */
  readonly samples: number | null
  /** The right answer; `null`: not stated. */
  readonly gold: string | null
}

/** Why a request is passed through untouched. */
export const PASS_CAUSES = [
  'route', // no generation
  'off', // X-Stopgate: off
  'service_away', // no bundle, or an outdated one
  'mode_off', // the context's policy
  'body', // too long, compressed, or no JSON object
  'header', // an X-Stopgate header that can't be read
  'tools', 'several_samples', 'structured_output', 'media', 'logprobs', 'stop_strings', 'prompt_list', 'echo', 'unknown_field',
  'seed', // the dialect can't continue sampling with the same seed
  'dialect', // the dialect can't serve the route
  'not_ready', // the dialect could not be detected
] as const

export type PassCause = typeof PASS_CAUSES[number]

/** Fields that set how tokens are sampled. The answer after a stop is sampled in the same way. */
export const SAMPLING_FIELDS = [
  'temperature', 'top_p', 'top_k', 'min_p', 'seed', 'presence_penalty', 'frequency_penalty', 'repetition_penalty', 'repeat_penalty',
] as const

/** Fields with which a generation can be stopped. A request with any other field is passed through, since its meaning is not known here. */
const KNOWN_FIELDS: Readonly<Record<CompletionRoute, ReadonlySet<string>>> = {
  chat: new Set(['messages', 'max_completion_tokens', 'chat_template_kwargs', 'reasoning_effort', 'reasoning_format']),
  completions: new Set(['prompt']),
}
const COMMON_FIELDS: ReadonlySet<string> = new Set([
  'model', 'stream', 'stream_options', 'max_tokens', 'user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key',
  ...SAMPLING_FIELDS,
])

/** Fields that can't be served identically, unless their value requests nothing. */
const REFUSED_FIELDS: ReadonlyArray<readonly [fields: readonly string[], cause: PassCause]> = [
  [['tools', 'functions', 'tool_choice', 'function_call', 'parallel_tool_calls'], 'tools'],
  [['n', 'best_of'], 'several_samples'],
  [['response_format', 'structured_outputs', 'guided_json', 'guided_regex', 'guided_choice', 'guided_grammar', 'grammar', 'json_schema'], 'structured_output'],
  [['modalities', 'audio', 'mm_processor_kwargs'], 'media'],
  [['logprobs', 'top_logprobs', 'prompt_logprobs', 'return_token_ids', 'return_tokens_as_token_ids'], 'logprobs'],
  [['stop', 'stop_token_ids'], 'stop_strings'],
  [['echo', 'suffix'], 'echo'],
]

/** OpenAI's default for completions. */
const DEFAULT_COMPLETION_TOKENS = 16

/** Time for which requests with one prompt share an arm, ms. */
const PROMPT_MS = 1_800_000

/**
 * Reads the request for a generation, or says why it is passed through.
 * @param now ms since 1970, by a clock that all proxies share
 */
export function readStoppableRequest (
  route: CompletionRoute, path: string, body: RequestBody, headers: StopgateHeaders, now: number): StoppableRequest | PassCause {
  for (const [fields, cause] of REFUSED_FIELDS) if (fields.some((field) => requestsSomething(field, body[field]))) return cause
  for (const field in body) {
    const isRefused = REFUSED_FIELDS.some(([fields]) => fields.includes(field))
    if (!isRefused && body[field] !== null && !COMMON_FIELDS.has(field) && !KNOWN_FIELDS[route].has(field)) return 'unknown_field'
  }
  const { model, stream_options: options, metadata } = body
  if (typeof model !== 'string' || model === '') return 'unknown_field'
  if (Object.keys(options ?? {}).some((field) => field !== 'include_usage')) return 'unknown_field'
  const problem = route === 'chat' ? messagesProblem(body.messages) : promptProblem(body.prompt)
  if (problem !== null) return problem
  const limit = body.max_completion_tokens ?? body.max_tokens ?? null
  return {
    route,
    path,
    body,
    model,
    isStream: body.stream === true,
    wantsUsage: fieldOf(options, 'include_usage') === true,
    maxTokens: typeof limit === 'number' ? limit : route === 'completions' ? DEFAULT_COMPLETION_TOKENS : null,
    context: { ...metadataContext(metadata), ...headers.context, model: fitText(model, MAX_NAME_BYTES) },
    statedLevels: Object.keys(headers.context),
    group: headers.group,
    prompt: promptHash(body, now),
    samples: headers.group === null ? null : headers.samples,
    gold: headers.gold,
  }
}

function requestsSomething (field: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false
  if ((field === 'n' || field === 'best_of') && value === 1) return false
  if (field === 'parallel_tool_calls' || value === 'none' || value === '') return false
  if (field === 'response_format') return fieldOf(value, 'type') !== 'text'
  return !(Array.isArray(value) && value.length === 0)
}

function messagesProblem (messages: unknown): PassCause | null {
  const list = itemsOf(messages)
  if (list.length === 0) return 'body'
  for (const message of list) {
    if (message === null || typeof message !== 'object') return 'body'
    const role = fieldOf(message, 'role')
    if (role === 'tool' || role === 'function' || (fieldOf(message, 'tool_calls') ?? null) !== null) return 'tools'
    if (itemsOf(fieldOf(message, 'content')).some((part) => fieldOf(part, 'type') !== 'text')) return 'media'
  }
  return null
}

function promptProblem (prompt: unknown): PassCause | null {
  const isIds = Array.isArray(prompt) && prompt.length > 0 && prompt.every(Number.isInteger)
  return typeof prompt === 'string' || isIds ? null : 'prompt_list'
}

/** Levels that the request's metadata names. Those that the service does not know are left out when the generation starts. */
function metadataContext (metadata: unknown): Context {
  const context: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(isJsonObject(metadata) ? metadata : {})) {
    if (typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_NAME_BYTES) context[name] = value
  }
  return context
}

/**
 * Requests with the same prompt share an arm for a while. After that the arm is redrawn; otherwise recurring prompts would stay in one arm
 * permanently, and the evidence would be about those few prompts alone.
 */
function promptHash ({ model, messages, prompt }: RequestBody, now: number): string {
  const prompted = JSON.stringify([model, messages ?? prompt, Math.floor(now / PROMPT_MS)])
  return createHash('sha256').update(prompted).digest('hex').slice(0, 32)
}
