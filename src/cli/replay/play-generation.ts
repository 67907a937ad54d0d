import type { Arm } from '../../core/assignment/arm.js'
import type { Decision, Step } from '../../core/decide/decide.js'
import type { Levels } from '../../core/policy/context.js'
import type { ReportedOutcome } from '../../core/grading/outcome.js'
import { contextUnder, ranInFull, stoppedAt, type Ending, type RecordedRun } from '../traces/recorded-run.js'

/** The calls of a worker to the service. */
export interface Gate {
  readonly decide: (step: Step) => Promise<Pick<Decision, 'decision' | 'arm'>>
  readonly report: (outcome: ReportedOutcome) => Promise<void>
}

/** A played run. `arm` is `null` for a run without steps, which never asked. */
export interface Served extends Ending { readonly run: RecordedRun, readonly arm: Arm | null }

/**
 * Plays a recorded run as a worker would: asks at every step, obeys, and reports. It asks at the recorded steps instead of
 * `next_check_tokens`, since only there is it known what stopping gives.
 */
export async function playGeneration (gate: Gate, levels: Levels, run: RecordedRun): Promise<Served> {
  const { outcome: { arm: recordedArm, ...outcome } } = run // the recorded arm was drawn by another service
  const { generation_id, group_id, sample_index } = outcome
  const identity = { generation_id, ...(group_id !== undefined && { group_id }), context: contextUnder(levels, run) }
  let arm: Arm | null = null
  let ending = ranInFull(run)
  for (const step of run.steps) {
    const { tokens, confidence, signals } = step
    const reply = await gate.decide({ ...identity, ...(arm && { arm }), tokens, confidence, ...(signals && { signals }) })
    arm ??= reply.arm // the first reply decides it
    if (reply.decision !== 'stop') continue
    ending = stoppedAt(run, step)
    break
  }
  const known = { ...identity, ...(sample_index !== undefined && { sample_index }), ...(arm && { arm }) }
  await gate.report(arm === 'treated' ? treatedOutcome(known, run, ending) : { ...outcome, ...known })
  return { run, arm, ...ending }
}

/** A treated generation reports its answer and what its probes cost, but not what they said. */
function treatedOutcome (
  known: Pick<ReportedOutcome, 'generation_id'>, { answerTokens }: RecordedRun, { tokens, probeTokens, em, isStopped }: Ending): ReportedOutcome {
  return { ...known, tokens, em, answer_tokens: answerTokens, stopped: isStopped, probe_tokens: probeTokens }
}
