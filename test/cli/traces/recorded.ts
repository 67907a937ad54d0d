import { readRecordedRun } from '../../../src/cli/traces/read-traces.js'
import type { RecordedRun } from '../../../src/cli/traces/recorded-run.js'
import type { ReportedOutcome } from '../../../src/core/outcome/outcome.js'

/** A run of 100 tokens with a step every 10, each with its confidence and whether its answer is right (1) or wrong (0). */
export function recorded (
  id: string, em: 0 | 1, steps: ReadonlyArray<readonly [confidence: number, em: 0 | 1]>, extra: Partial<ReportedOutcome> = {}
): RecordedRun {
  const probed = steps.map(([confidence, em], i) => ({ tokens: 10 * (i + 1), confidence, em }))
  const outcome = { generation_id: id, tokens: 100, em, steps: probed, ...extra }
  return readRecordedRun(id, JSON.stringify(outcome))
}
