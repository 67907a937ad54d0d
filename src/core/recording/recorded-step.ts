import type { Step } from '../decide/decide.js'
import type { Em } from '../certificate/evidence.js'

/** What is kept of a step that was asked, until the outcome comes: all that can be graded then, and no text of an answer. */
export interface RecordedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly em?: Em
  readonly answer_digest?: string
  readonly signals?: Readonly<Record<string, number>>
}

/** Of a step that was asked, what bears on what is kept. */
export type Asked = Pick<Step, 'tokens' | 'confidence' | 'em' | 'answer' | 'signals'>

/**
 * The steps in order, one for each count of tokens: asked again there, a step gains a probe. Where what was said twice differs, the worse
 * is taken (the higher score, the wrong answer; of two answers neither), so that the order in which replicas wrote does not matter.
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
