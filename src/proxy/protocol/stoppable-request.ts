import { createHash } from 'node:crypto'
import type { Context } from '../../core/policy/index.js'
import { canonicalText, statedAction } from './action.js'
import type { ClientTrust } from './client-trust.js'
import { fieldOf, isJsonObject, itemsOf, type JsonObject } from './json.js'
import { fitText, isName, MAX_NAME_BYTES, type StopgateHeaders } from './stopgate-headers.js'

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
  /** Levels that X-Stopgate-Context names, if they are believed. */
  readonly statedLevels: readonly string[]
  /** `null`: not stated. */
  readonly group: string | null
  /** Hash of the prompt. */
  readonly prompt: string
  /** Number of requests in the group; `null`: not stated, or there is no group. */
  readonly samples: number | null
  /** The right answer; `null`: not known. */
  readonly gold: string | null
  /** Number of samples that the reply has. */
  readonly choices: number
  /** Features that only some dialects can serve. */
  readonly needs: readonly Need[]
  /** Whether its answer is read as an action: tool calls, or structured output. */
  readonly isAction: boolean
}

/** A feature that only some dialects can serve, and the cause of passing a request through in the others. */
export type Need = 'several_samples' | 'tools' | 'structured_output' | 'stop_strings' | 'seed'

/** Why a request is passed through untouched. */
export const PASS_CAUSES = [
  'route', // no generation
  'off', // X-Stopgate: off
  'service_away', // no bundle, or an outdated one
  'mode_off', // the context's policy
  'body', // too long, compressed, or no JSON object
  'header', // an X-Stopgate header that can't be read
  'tools', 'several_samples', 'structured_output', 'media', 'logprobs', 'stop_strings', 'prompt_list', 'echo', 'unknown_field',
  'closing', // a rule of its own for the text that a stop writes
  'grammar', // a grammar that holds in the reasoning, too
  'seed', // the dialect can't continue sampling with the same seed
  'dialect', // the dialect can't serve the route, or the server is too old for it
  'not_ready', // the dialect could not be detected
] as const

export type PassCause = typeof PASS_CAUSES[number]

/** Fields that set how tokens are sampled. The answer after a stop is sampled in the same way, and so are its probes. */
export const SAMPLING_FIELDS = [
  'temperature', 'top_p', 'top_k', 'min_p', 'seed', 'presence_penalty', 'frequency_penalty', 'repetition_penalty', 'repeat_penalty',
] as const

/** Fields about the handling of a request, which its probes and its answer repeat: with another salt they would miss the prefix cache. */
export const HANDLING_FIELDS = ['priority', 'cache_salt'] as const

/** Fields with which a generation can be stopped. A request with any other field is passed through, since its meaning is not known here. */
const KNOWN_FIELDS: Readonly<Record<CompletionRoute, ReadonlySet<string>>> = {
  chat: new Set([
    'messages', 'max_completion_tokens', 'chat_template_kwargs', 'reasoning_effort', 'reasoning_format', 'tool_choice', 'parallel_tool_calls',
  ]),
  completions: new Set(['prompt']),
}
const COMMON_FIELDS: ReadonlySet<string> = new Set([
  'model', 'n', 'stream', 'stream_options', 'max_tokens', 'user', 'metadata', 'store', 'service_tier', 'safety_identifier', 'prompt_cache_key',
  'prompt_cache_retention', 'request_id', ...HANDLING_FIELDS, ...SAMPLING_FIELDS,
])

/** Fields of model servers that request nothing at this value, their default. */
const DEFAULTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['add_generation_prompt', true], ['add_special_tokens', false], ['continue_final_message', false], ['include_reasoning', true],
  ['separate_reasoning', true], ['skip_special_tokens', true], ['spaces_between_special_tokens', true], ['include_stop_str_in_output', false],
  ['ignore_eos', false], ['min_tokens', 0], ['length_penalty', 1], ['use_beam_search', false], ['cache_prompt', true],
  ['timings_per_token', false], ['return_tokens', false], ['return_progress', false], ['n_probs', 0],
])

/** Fields that no dialect serves, unless their value requests nothing. */
const REFUSED_FIELDS: ReadonlyArray<readonly [fields: readonly string[], cause: PassCause]> = [
  [['functions', 'function_call'], 'tools'],
  [['best_of'], 'several_samples'],
  [['guided_json', 'guided_regex', 'guided_choice', 'guided_grammar'], 'structured_output'],
  [['grammar'], 'grammar'],
  [['modalities', 'audio', 'mm_processor_kwargs'], 'media'],
  [['logprobs', 'top_logprobs', 'prompt_logprobs', 'return_token_ids', 'return_tokens_as_token_ids'], 'logprobs'],
  [['stop_token_ids'], 'stop_strings'],
  [['logit_bias'], 'closing'], // it may ban the closing tag, whose tokens are not known here
  [['echo', 'suffix'], 'echo'],
]

/** Fields that some dialects serve. */
const NEEDING_FIELDS: ReadonlyArray<readonly [fields: readonly string[], need: Need]> = [
  [['tools'], 'tools'],
  [['response_format', 'json_schema', 'structured_outputs'], 'structured_output'],
  [['stop'], 'stop_strings'],
]

/** Fields whose value is a JSON schema. An empty one requests any JSON value. */
const SCHEMA_FIELDS: ReadonlySet<string> = new Set(['json_schema', 'guided_json'])

/** Seeds that ask for a random one: vLLM's, and llama.cpp's, where -1 is the same number. */
const RANDOM_SEEDS: ReadonlySet<unknown> = new Set([-1, 0xFFFFFFFF])

const READ_FIELDS: ReadonlySet<string> = new Set([...REFUSED_FIELDS, ...NEEDING_FIELDS].flatMap(([fields]) => fields))

/** Largest number of samples of one request, as of OpenAI. */
const MAX_CHOICES = 128

/** OpenAI's default for completions. */
const DEFAULT_COMPLETION_TOKENS = 16

/** Time for which requests with one prompt share an arm, ms. */
const PROMPT_MS = 1_800_000

/**
 * Reads the request for a generation, or says why it is passed through.
 * @param now ms since 1970, by a clock that all proxies share
 * @param mayName whether the metadata of the body may name this value of a level
 */
export function readStoppableRequest (
  route: CompletionRoute, path: string, body: RequestBody, headers: StopgateHeaders, now: number, mayName: ClientTrust['mayName'] = () => true
): StoppableRequest | PassCause {
  for (const [fields, cause] of REFUSED_FIELDS) if (fields.some((field) => requestsSomething(field, body[field]))) return cause
  if (unknownField(route, body) !== null) return 'unknown_field'
  const { model, stream_options: options, metadata } = body
  if (typeof model !== 'string' || model === '') return 'body'
  const problem = route === 'chat' ? messagesProblem(body.messages) : promptProblem(body.prompt)
  if (problem !== null) return problem
  const limit = body.max_completion_tokens ?? body.max_tokens ?? null
  const choices = body.n ?? 1
  if (!isChoices(choices)) return 'several_samples'
  const needs = needsOf(body)
  const mayCall = needs.includes('tools') && body.tool_choice !== 'none'
  const isAction = mayCall || needs.includes('structured_output')
  return {
    route,
    path,
    body,
    model,
    isStream: body.stream === true,
    wantsUsage: fieldOf(options, 'include_usage') === true,
    maxTokens: typeof limit === 'number' ? limit : route === 'completions' ? DEFAULT_COMPLETION_TOKENS : null,
    context: { ...metadataContext(metadata, mayName), ...headers.context, model: fitText(model, MAX_NAME_BYTES) },
    statedLevels: Object.keys(headers.context),
    group: headers.group,
    prompt: promptHash(body, now),
    samples: headers.group === null ? null : headers.samples,
    gold: headers.gold === null || !isAction ? headers.gold : mayCall ? statedAction(headers.gold) : canonicalText(headers.gold),
    choices,
    needs,
    isAction,
  }
}

/** The field that keeps a request from being stopped, since its meaning is not known here; `null`: there is none. */
export function unknownField (route: CompletionRoute, body: RequestBody): string | null {
  const isKnown = (field: string) => COMMON_FIELDS.has(field) || KNOWN_FIELDS[route].has(field) || READ_FIELDS.has(field)
  const unknown = Object.keys(body).find((field) => !isKnown(field) && !isEmpty(body[field]) && body[field] !== DEFAULTS.get(field))
  if (unknown !== undefined) return unknown
  const option = Object.entries(body.stream_options ?? {}).find(([name, value]) => name !== 'include_usage' && value !== false && value !== null)
  return option === undefined ? null : `stream_options.${option[0]}`
}

function needsOf (body: RequestBody): Need[] {
  const needs = NEEDING_FIELDS.filter(([fields]) => fields.some((field) => requestsSomething(field, body[field]))).map(([, need]) => need)
  if (body.n != null && body.n !== 1) needs.unshift('several_samples')
  const isSeeded = body.seed != null && !RANDOM_SEEDS.has(body.seed) && body.temperature !== 0
  return isSeeded ? [...needs, 'seed'] : needs
}

/**
 * Whether a stop string may occur in the text that a stop writes, or across one of its ends. The model server alone would end the reply
 * there.
 * @param closing the text that closes the reasoning
 */
export function stopsInClosing ({ stop }: RequestBody, closing: string): boolean {
  const overlaps = (text: string) => closing.includes(text) || text.includes(closing) ||
    Array.from(closing, (_, i) => i + 1).some((n) => text.startsWith(closing.slice(-n)) || text.endsWith(closing.slice(0, n)))
  return (Array.isArray(stop) ? stop : [stop]).some((text) => typeof text === 'string' && text !== '' && overlaps(text))
}

function isChoices (value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_CHOICES
}

/**
 * A request for each sample, with the seeds that vLLM and llama.cpp give them, and with a request id of its own. The samples are a group.
 * @param group unless the client states one
 */
export function samplesOf (request: StoppableRequest, group: string): StoppableRequest[] {
  const { choices, body, needs } = request
  if (choices === 1) return [request]
  const own = request.group === null ? { group, samples: choices } : {}
  return Array.from({ length: choices }, (_, i) => {
    const sample = { ...body, n: undefined, seed: sampleSeed(body.seed, i), request_id: sampleId(body.request_id, i) }
    return { ...request, ...own, choices: 1, needs: needs.filter((need) => need !== 'several_samples'), body: sample }
  })
}

function sampleSeed (seed: unknown, index: number): unknown {
  return typeof seed === 'number' && !RANDOM_SEEDS.has(seed) ? seed + index : undefined
}

/** vLLM refuses a request whose id is in use. */
function sampleId (id: unknown, index: number): unknown {
  return typeof id === 'string' && index > 0 ? `${id}-${index}` : id
}

function requestsSomething (field: string, value: unknown): boolean {
  if (SCHEMA_FIELDS.has(field) && isJsonObject(value)) return true
  if (value === false || value === 0 || isEmpty(value)) return false
  if (field === 'best_of' && value === 1) return false
  return field !== 'response_format' || fieldOf(value, 'type') !== 'text'
}

/** Whether a value of any field requests nothing. */
function isEmpty (value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function messagesProblem (messages: unknown): PassCause | null {
  const list = itemsOf(messages)
  if (list.length === 0) return 'body'
  for (const message of list) {
    if (message === null || typeof message !== 'object') return 'body'
    if (itemsOf(fieldOf(message, 'content')).some((part) => fieldOf(part, 'type') !== 'text')) return 'media'
  }
  return null
}

function promptProblem (prompt: unknown): PassCause | null {
  const isIds = Array.isArray(prompt) && prompt.length > 0 && prompt.every(Number.isInteger)
  return typeof prompt === 'string' || isIds ? null : 'prompt_list'
}

/** Levels that the request's metadata names. Those that the service does not know are left out when the generation starts. */
function metadataContext (metadata: unknown, mayName: ClientTrust['mayName']): Context {
  const context: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(isJsonObject(metadata) ? metadata : {})) {
    if (typeof value === 'string' && isName(value) && mayName(name, value)) context[name] = value
  }
  return context
}

/**
 * Requests with the same prompt share an arm for a while. After that the arm is redrawn; otherwise recurring prompts would stay in one arm
 * permanently, and the evidence would be about those few prompts alone.
 */
function promptHash ({ model, messages, prompt, tools }: RequestBody, now: number): string {
  const prompted = JSON.stringify([model, messages ?? prompt, Math.floor(now / PROMPT_MS), ...tools === undefined ? [] : [tools]])
  return createHash('sha256').update(prompted).digest('hex').slice(0, 32)
}
