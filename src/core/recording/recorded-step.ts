import type { Step } from '../decide/decide.js'
import type { Em } from '../certificate/stops.js'

/** What is kept of a step until the outcome comes: everything that can be graded then, and no text of an answer. */
export interface RecordedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly em?: Em
  readonly answer_digest?: string
  readonly signals?: Readonly<Record<string, number>>
}

/** The fields of a step from which a recorded step is made. */
export type Asked = Pick<Step, 'tokens' | 'confidence' | 'em' | 'answer' | 'signals'>

/**
 * Sorts steps by tokens and merges those with equal tokens, so that a step asked again gains its probe. Where repeats contradict each other
 * the worse value holds (the higher confidence, the wrong answer; of two different answers neither), so that the order in which replicas
 * wrote them does not matter.
 */
export function mergeSteps (recorded: readonly RecordedStep[]): RecordedStep[] {
  const byTokens = new Map<number, RecordedStep[]>()
  for (const step of recorded) {
    const same = byTokens.get(step.tokens)
    if (same === undefined) byTokens.set(step.tokens, [step]); else same.push(step)
  }
  return [...byTokens.values()].map((same) => same.length === 1 ? same[0]! : mergeOne(same)).sort((a, b) => a.tokens - b.tokens)
}

function mergeOne (same: readonly RecordedStep[]): RecordedStep {
  const confidences = same.flatMap(({ confidence }) => confidence ?? [])
  const ems = same.flatMap(({ em }) => em ?? [])
  const [digest, another] = new Set(same.flatMap(({ answer_digest: digest }) => digest ?? []))
  const signals = same.findLast((step) => step.signals)?.signals
  return {
    tokens: same[0]!.tokens,
    confidence: confidences.length === 0 ? null : Math.max(...confidences),
    ...(ems.length > 0 && { em: Math.min(...ems) as Em }),
    ...(digest !== undefined && another === undefined && { answer_digest: digest }),
    ...(signals && { signals }),
  }
}
