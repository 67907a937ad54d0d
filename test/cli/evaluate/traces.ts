import { readRecordedRun } from '../../../src/cli/traces/read-traces.js'
import type { RecordedRun } from '../../../src/cli/traces/recorded-run.js'

type HandStep = readonly [confidence: number, em: 0 | 1, streak?: number]

/** A run by hand: a step every ten tokens. */
export function runOf (id: string, em: 0 | 1, steps: readonly HandStep[], more = {}): RecordedRun {
  return readRecordedRun(id, JSON.stringify({
    generation_id: id,
    tokens: 10 * steps.length + 10,
    em,
    steps: steps.map(([confidence, em, streak], i) =>
      ({ tokens: 10 * i + 10, confidence, em, ...(streak !== undefined && { signals: { answer_streak: streak } }) })),
    ...more,
  }))
}
