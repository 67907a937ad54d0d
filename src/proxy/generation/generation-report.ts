import { toolCallsOf } from '../protocol/action.js'
import { fieldOf, itemsOf } from '../protocol/json.js'
import { fitText, MAX_ANSWER_BYTES } from '../protocol/stopgate-headers.js'
import type { StoppableRequest } from '../protocol/stoppable-request.js'
import type { LocalGeneration } from '../service-link/local-decider.js'
import type { Checks, StopDecision } from './checks.js'

/** A generation that has come to its end. */
interface FinishedGeneration {
  /** All tokens generated: reasoning, with its discarded end, and answer. */
  readonly tokens: number
  readonly answerTokens: number
  readonly answer: string
  /** What stopped it; `null`: nothing did. */
  readonly stop: Pick<StopDecision, 'step' | 'by'> | null
  /** The answer that was forced at the natural end of its reasoning; `null`: none was. */
  readonly endAnswer: string | null
  readonly checks: CheckResults
  /** Whether to send the text of the prompt, which only a grader needs. */
  readonly sendsPrompts: boolean
}

/** The steps that were checked, and the costs of their probes. */
type CheckResults = Pick<Checks, 'steps' | 'probeTokens' | 'prefillTokens'>

/** The largest number of steps that the service accepts with an outcome. */
const MAX_STEPS = 4096

/** The body that POST /v1/outcomes accepts of a finished generation. Steps are only sent where they may be evidence. */
export function finishedOutcome (
  local: LocalGeneration, request: StoppableRequest, finished: FinishedGeneration): object {
  const { tokens, answerTokens, answer, stop, endAnswer, checks, sendsPrompts } = finished
  const { steps } = checks
  const isControl = local.arm === 'control'
  return {
    ...identityOf(local, request),
    ...(sendsPrompts && (isControl || stop !== null) && promptOf(request)),
    tokens: Math.max(tokens, steps.at(-1)?.tokens ?? 0),
    stopped: stop !== null,
    ...(stop !== null && { stopped_probe: { tokens: stop.step.tokens, answer: stop.step.answer }, stopped_by: stop.by }),
    ...(stop !== null && answerTokens > 0 && { answer_tokens: answerTokens }),
    answer: fitText(answer, MAX_ANSWER_BYTES),
    ...(endAnswer !== null && { end_probe: { answer: fitText(endAnswer, MAX_ANSWER_BYTES) } }),
    ...(request.gold !== null && { reference: request.gold }),
    ...costOf(checks),
    steps_asked: new Set(steps.map((step) => step.tokens)).size,
    ...(isControl && { steps: steps.slice(0, MAX_STEPS), ...(steps.length > MAX_STEPS && { steps_complete: false }) }),
  }
}

/** Longest prompt that the service accepts. */
const MAX_PROMPT_BYTES = 65_536

/** The prompt for graders; nothing where the request has no text, but token ids. */
function promptOf (request: StoppableRequest): { prompt?: string } {
  const text = promptText(request)
  return text === '' ? {} : { prompt: fitText(text, MAX_PROMPT_BYTES) }
}

/** The prompt as a grader reads it: its text, or the texts and tool calls of its messages with their roles. */
function promptText ({ body: { messages, prompt } }: StoppableRequest): string {
  if (typeof prompt === 'string') return prompt
  return itemsOf(messages).map((message) => `${String(fieldOf(message, 'role'))}: ${messageText(message)}`).join('\n\n')
}

function messageText (message: unknown): string {
  const calls = toolCallsOf(fieldOf(message, 'tool_calls')).map((call) => `${call.name} ${call.arguments}`)
  return [contentText(fieldOf(message, 'content')), ...calls].filter((text) => text !== '').join('\n')
}

function contentText (content: unknown): string {
  return typeof content === 'string' ? content : itemsOf(content).map((part) => String(fieldOf(part, 'text') ?? '')).join('')
}

/** The same of a generation whose client has gone. */
export function cancelledOutcome (local: LocalGeneration, request: StoppableRequest, tokens: number, checks: CheckResults): object {
  return { ...identityOf(local, request), tokens, cancelled: true, ...costOf(checks) }
}

function identityOf ({ id, arm, group, prompt, context }: LocalGeneration, { samples }: StoppableRequest): object {
  const unit = group === null ? { prompt_hash: prompt } : { group_id: group, ...(samples !== null && { samples }) }
  return { generation_id: id, arm, ...unit, context }
}

function costOf ({ probeTokens, prefillTokens }: CheckResults): object {
  return { probe_tokens: probeTokens, ...(prefillTokens > 0 && { probe_prefill_tokens: prefillTokens }) }
}
