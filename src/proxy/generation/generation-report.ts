import type { Context } from '../../core/policy/context.js'
import { fitText, MAX_ANSWER_BYTES } from '../protocol/stopgate-headers.js'
import type { StoppableRequest } from '../protocol/stoppable-request.js'
import type { LocalGeneration } from '../service-link/local-decider.js'
import type { Checks } from './checks.js'

/** A generation that has come to its end. */
interface FinishedGeneration {
  readonly tokens: number
  readonly answerTokens: number
  readonly answer: string
  readonly isStopped: boolean
  readonly checks: CheckResults
}

/** The steps that were checked, and the costs of their probes. */
type CheckResults = Pick<Checks, 'steps' | 'probeTokens' | 'prefillTokens'>

/** The largest number of steps that the service accepts with an outcome. */
const MAX_STEPS = 4096

/** The body that POST /v1/outcomes accepts of a finished generation. Steps are only sent where they may be evidence. */
export function finishedOutcome (
  local: LocalGeneration, request: StoppableRequest, { tokens, answerTokens, answer, isStopped, checks }: FinishedGeneration): object {
  const { steps } = checks
  const isControl = local.arm === 'control'
  return {
    ...identityOf(local, request),
    tokens: Math.max(tokens, steps.at(-1)?.tokens ?? 0),
    stopped: isStopped,
    ...(isStopped && answerTokens > 0 && { answer_tokens: answerTokens }),
    answer: fitText(answer, MAX_ANSWER_BYTES),
    ...(request.gold !== null && { reference: request.gold }),
    ...costOf(checks),
    ...(isControl && { steps: steps.slice(0, MAX_STEPS), ...(steps.length > MAX_STEPS && { steps_complete: false }) }),
  }
}

/** The same of a generation whose client has gone. */
export function cancelledOutcome (local: LocalGeneration, request: StoppableRequest, tokens: number, checks: CheckResults): object {
  return { ...identityOf(local, request), tokens, cancelled: true, ...costOf(checks) }
}

function identityOf ({ id, arm, group, context }: LocalGeneration, { samples }: StoppableRequest): object {
  return { generation_id: id, arm, group_id: group, ...(samples !== null && { samples }), context }
}

function costOf ({ probeTokens, prefillTokens }: CheckResults): object {
  return { probe_tokens: probeTokens, ...(prefillTokens > 0 && { probe_prefill_tokens: prefillTokens }) }
}

const MAX_LENGTHS = 256
const MAX_CONTEXTS = 1024

/** Estimates the tokens that a stop has saved, by the lengths of recent control generations of this process. */
export class LengthEstimate {
  readonly #lengths = new Map<string, number[]>()

  /** Adds a generation that ran in full. */
  add (context: Context, tokens: number): void {
    const key = JSON.stringify(context)
    const lengths = this.#lengths.get(key) ?? []
    if (lengths.length === 0) {
      if (this.#lengths.size >= MAX_CONTEXTS) this.#lengths.clear()
      this.#lengths.set(key, lengths)
    }
    lengths.push(tokens)
    if (lengths.length > MAX_LENGTHS) lengths.shift()
  }

  /** Mean number of tokens that longer generations had beyond `tokens`; `null`: there were none. */
  saved (context: Context, tokens: number): number | null {
    const longer = (this.#lengths.get(JSON.stringify(context)) ?? []).filter((length) => length > tokens)
    return longer.length === 0 ? null : Math.round(longer.reduce((sum, length) => sum + length - tokens, 0) / longer.length)
  }
}
