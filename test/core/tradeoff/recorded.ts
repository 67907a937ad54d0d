import { addTrace } from '../../../src/core/certificate/evidence-sum.js'
import { type Evidence, NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { type Em, stopsOf } from '../../../src/core/certificate/trace.js'
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
