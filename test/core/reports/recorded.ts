import { addTrace } from '../../../src/core/stats/evidence-sum.js'
import type { Evidence } from '../../../src/core/stats/evidence.js'
import type { Em } from '../../../src/core/decide/step.js'
import { stopsOf } from '../../../src/core/stats/trace.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import { type TraceFile, tracesText } from '../../test-data.js'

interface Recorded {
  readonly context: Record<string, string>
  readonly tokens: number
  readonly em: Em
  readonly steps: { tokens: number, confidence: number, em: Em }[]
}

/** Every generation of a file of real traces as evidence of its task. */
export function recordedByTask (file: TraceFile): Map<string, Evidence> {
  const evidence = new Map<string, Evidence>()
  for (const line of tracesText(file).trimEnd().split('\n')) {
    const { context: { task = '' }, tokens, em, steps }: Recorded = JSON.parse(line)
    const trace = { tokens, em, answerTokens: 0, isComplete: true, steps: steps.map((step) => ({ ...step, score: step.confidence })) }
    evidence.set(task, addTrace(evidence.get(task) ?? NO_EVIDENCE, trace, stopsOf(trace, 0)))
  }
  return evidence
}
