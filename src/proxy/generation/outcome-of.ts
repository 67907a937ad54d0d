import type { Asked } from '../asked.js'
import type { Decided } from '../service-link/local-decider.js'
import type { Checks } from './checks.js'
import { fitText } from './fit-text.js'

export interface Ended {
  readonly tokens: number
  readonly answerTokens: number
  readonly answer: string
  readonly isStopped: boolean
  readonly checks: Checked
}

export type Checked = Pick<Checks, 'steps' | 'probeTokens' | 'prefillTokens'>

const MOST_STEPS = 4096

function identityOf ({ id, arm, group, context }: Decided, { samples }: Asked): object {
  return { generation_id: id, arm, group_id: group, ...(samples !== null && { samples }), context }
}

/** What POST /v1/outcomes takes of a generation that has ended. Steps are only sent where it may be evidence. */
export function outcomeOf (one: Decided, asked: Asked, { tokens, answerTokens, answer, isStopped, checks }: Ended): object {
  const { steps } = checks
  const isControl = one.arm === 'control'
  return {
    ...identityOf(one, asked),
    tokens: Math.max(tokens, steps.at(-1)?.tokens ?? 0),
    stopped: isStopped,
    ...(isStopped && answerTokens > 0 && { answer_tokens: answerTokens }),
    answer: fitText(answer, 4096),
    ...(asked.gold !== null && { reference: asked.gold }),
    ...costOf(checks),
    ...(isControl && { steps: steps.slice(0, MOST_STEPS), ...(steps.length > MOST_STEPS && { steps_complete: false }) }),
  }
}

/** The same of one whose client has gone. */
export function cancelledOutcome (one: Decided, asked: Asked, tokens: number, checks: Checked): object {
  return { ...identityOf(one, asked), tokens, cancelled: true, ...costOf(checks) }
}

function costOf ({ probeTokens, prefillTokens }: Checked): object {
  return { probe_tokens: probeTokens, ...(prefillTokens > 0 && { probe_prefill_tokens: prefillTokens }) }
}
