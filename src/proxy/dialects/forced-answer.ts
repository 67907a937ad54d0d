import { PROBE_FORM_SUFFIXES, type ProbeForm, type ProbeFormName } from '../../core/decide/index.js'
import { canonicalText } from '../protocol/action.js'
import { fieldOf, itemsOf, numberOrNull, textOf, type JsonObject } from '../protocol/json.js'
import { HANDLING_FIELDS, SAMPLING_FIELDS, type RequestBody, type StoppableRequest } from '../protocol/stoppable-request.js'

/** How an answer is forced behind the end of the reasoning, and which part of a text is the answer. */
export interface ProbeStyle {
  readonly suffix: string
  /** Texts that end a forced answer. */
  readonly stops: readonly string[]
  /** Whether a forced text has the whole answer, and shows its end. */
  readonly isWhole: (text: string) => boolean
  /** The answer in a forced text. */
  readonly forced: (text: string) => string
  /** The answer in a text that the model wrote unforced; '' if there is none. */
  readonly final: (text: string) => string
}

const STYLES: Readonly<Record<ProbeFormName, Omit<ProbeStyle, 'suffix'>>> = {
  plain: {
    stops: ['\n'],
    isWhole: (text) => text.trimStart().includes('\n'),
    forced: firstLine,
    final: (text) => firstLine(textBehind(text, /final answer\W*?:\**/gi) ?? text),
  },
  boxed: {
    stops: ['\n', '}$', '}.'],
    isWhole: (text) => closingBrace(text) !== -1,
    forced: inBraces,
    final: (text) => inBraces(textBehind(text, /\\boxed\s*\{/g) ?? ''),
  },
  choice: {
    stops: [')', '\n'],
    isWhole: (text) => /[)\n]/.test(text),
    forced: (text) => letterIn(text),
    final: (text) => letterIn(textBehind(text, /(?:answer|choice|option)(?:\s*is\b)?\W*(?=[A-Z]\b)/gi) ?? text),
  },
  json: {
    stops: ['\n\n'],
    isWhole: (text) => firstBalanced(`{${text}`) !== null,
    forced: (text) => canonicalJson(`{${text}`),
    final: canonicalJson,
  },
  direct: { stops: [], isWhole: () => false, forced: (text) => text.trim(), final: (text) => text.trim() },
}

/** Largest number of tokens of a forced action. */
const ACTION_TOKENS = 256

/** How an action is forced: nothing is written for the model but the closed reasoning, so that no form is searched for. */
export function actionForm ({ before, after }: Pick<ProbeForm, 'before' | 'after'>): ProbeForm {
  return { name: 'direct', suffix: '', before, after, tokens: ACTION_TOKENS }
}

/** Fields about the structure of an answer. */
const STRUCTURE_FIELDS = ['response_format', 'structured_outputs'] as const

/** How the tokens of a forced answer are chosen: as the request samples its answer, or always the most probable one. */
export type Drawn = 'as_answers' | 'greedily'

/** An answer that was forced beside the generation. */
export interface ForcedAnswer {
  readonly text: string
  /** One for each of its tokens; of an action one for the whole. */
  readonly logprobs: ReadonlyArray<number | null>
  readonly tokens: number
  /** The text of each of its tokens, as far as the engine states them. */
  readonly pieces?: readonly string[]
  readonly promptTokens: number | null
  /** Prompt tokens that the prefix cache had; `null`: the engine does not state it. */
  readonly cachedTokens: number | null
}

/** @param suffix in place of the style's own; '': that of the style */
export function probeStyle (name: ProbeFormName, suffix = ''): ProbeStyle {
  return { ...STYLES[name], suffix: suffix || PROBE_FORM_SUFFIXES[name] }
}

/** The body of the request for a forced answer. */
export function probeBody (
  { model, body, isAction }: StoppableRequest, prompt: unknown, maxTokens: number, stops: readonly string[], drawn: Drawn = 'as_answers'
): JsonObject {
  // An action is forced under the client's own stop strings, which its answer obeys, too.
  const fields = fieldsOf(body, isAction ? [...HANDLING_FIELDS, ...STRUCTURE_FIELDS, 'stop'] : HANDLING_FIELDS)
  const sampling = samplingOf(body, SAMPLING_FIELDS, drawn)
  return { model, prompt, max_tokens: maxTokens, logprobs: 1, ...(stops.length > 0 && { stop: stops }), ...fields, ...sampling }
}

/** The body of the request for the answer behind the reasoning, sampled as the client requested. */
export function answerBody ({ model, body }: StoppableRequest, prompt: unknown, maxTokens: number): JsonObject {
  const fields = fieldsOf(body, [...SAMPLING_FIELDS, ...HANDLING_FIELDS, ...STRUCTURE_FIELDS, 'stop'])
  return { model, prompt, max_tokens: maxTokens, stream: true, stream_options: { include_usage: true }, ...fields }
}

/** The fields of a forced answer about sampling. @param names of those that the model server knows */
export function samplingOf (body: RequestBody, names: readonly string[], drawn: Drawn): JsonObject {
  return drawn === 'greedily' ? { temperature: 0 } : fieldsOf(body, names)
}

/** The named fields that a body states. */
function fieldsOf (body: RequestBody, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, body[name] ?? undefined]))
}

/** The one log-probability of an action: a mean over a long one would hide a single doubtful token. */
export function actionLogprobs (choice: unknown, logprobs: ReadonlyArray<number | null>): Array<number | null> {
  // An action that has not ended within its tokens is none: the beginnings of two may be equal.
  if (fieldOf(choice, 'finish_reason') === 'length' || logprobs.length === 0) return []
  return [logprobs.reduce<number | null>((sum, one) => sum === null || one === null ? null : sum + one, 0)]
}

/** Reads the reply to a probe in OpenAI's format. @throws Error if it has no text */
export function readForcedAnswer (reply: unknown, isAction = false): ForcedAnswer {
  const [choice] = itemsOf(fieldOf(reply, 'choices'))
  const text = fieldOf(choice, 'text') ?? fieldOf(fieldOf(choice, 'message'), 'content')
  if (typeof text !== 'string') throw new Error('a probe was answered without a text')
  const usage = fieldOf(reply, 'usage')
  const logprobs = logprobsOf(fieldOf(choice, 'logprobs'))
  return {
    text: isAction ? canonicalText(text) : text,
    logprobs: isAction ? actionLogprobs(choice, logprobs) : logprobs,
    pieces: piecesOf(fieldOf(choice, 'logprobs')),
    tokens: numberOrNull(fieldOf(usage, 'completion_tokens')) ?? 1,
    promptTokens: numberOrNull(fieldOf(usage, 'prompt_tokens')),
    cachedTokens: numberOrNull(fieldOf(fieldOf(usage, 'prompt_tokens_details'), 'cached_tokens')),
  }
}

/** In the format of completions, or in that of chats, which llama.cpp uses for both. */
function logprobsOf (logprobs: unknown): Array<number | null> {
  const ofCompletion = fieldOf(logprobs, 'token_logprobs')
  if (Array.isArray(ofCompletion)) return ofCompletion.map(numberOrNull)
  return tokenLogprobs(fieldOf(logprobs, 'content'))
}

function piecesOf (logprobs: unknown): string[] {
  const ofCompletion = fieldOf(logprobs, 'tokens')
  return Array.isArray(ofCompletion) ? ofCompletion.map(textOf) : tokenTexts(fieldOf(logprobs, 'content'))
}

/** The texts of a list of tokens. */
export function tokenTexts (tokens: unknown): string[] {
  return itemsOf(tokens).map((token) => textOf(fieldOf(token, 'token')))
}

/** The log-probabilities of a list of tokens, `null` where one is missing. */
export function tokenLogprobs (tokens: unknown): Array<number | null> {
  return itemsOf(tokens).map((token) => numberOrNull(fieldOf(token, 'logprob')))
}

/** How far a logarithm of a probability may be above zero by rounding. */
const MAX_ROUNDING = 0.001

/** Geometric mean probability of a forced answer's tokens, at most 1; `null` without tokens, or if one of them has none. */
export function meanProbability (logprobs: ReadonlyArray<number | null>): number | null {
  let sum = 0
  for (const logprob of logprobs) {
    if (logprob === null || !Number.isFinite(logprob) || logprob > MAX_ROUNDING) return null
    sum += logprob
  }
  return logprobs.length === 0 ? null : Math.min(1, Math.exp(sum / logprobs.length))
}

/** The text behind the last match. */
function textBehind (text: string, pattern: RegExp): string | null {
  const last = [...text.matchAll(pattern)].at(-1)
  return last === undefined ? null : text.slice(last.index + last[0].length)
}

function firstLine (text: string): string {
  return text.trim().replace(/\n.*/s, '').trim()
}

/** The text before the brace that closes one opened before the text. */
function inBraces (text: string): string {
  const end = closingBrace(text)
  return (end === -1 ? text : text.slice(0, end)).trim()
}

/** The index of the brace that closes one opened before the text; -1: it is not there. */
function closingBrace (text: string): number {
  let depth = 1
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') depth++
    if (text[i] === '}' && --depth === 0) return i
  }
  return -1
}

function letterIn (text: string): string {
  return /(?<![A-Za-z])[A-Z](?![A-Za-z])/.exec(text)?.[0] ?? ''
}

/** The first JSON object or list in a text in canonical form, so that equal values are equal texts; without one, the text as it is. */
function canonicalJson (text: string): string {
  return canonicalText(firstBalanced(text) ?? text)
}

/** From the first opening brace or bracket to its closing one. */
function firstBalanced (text: string): string | null {
  const start = text.search(/[{[]/)
  if (start === -1) return null
  let depth = 0
  let isInString = false
  for (let i = start; i < text.length; i++) {
    const character = text[i]
    if (character === '"') isInString = !isInString
    else if (isInString) i += Number(character === '\\')
    else if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) return text.slice(start, i + 1)
  }
  return null
}
