import type { Arm } from '../../core/assignment/arm.js'
import type { Decision, Step } from '../../core/decide/decide.js'
import type { Levels } from '../../core/policy/context.js'
import type { ReportedOutcome } from '../../core/outcome/outcome.js'
import { contextAtLevels, keyAtLevels, ranInFull, stoppedAt, type Ending, type RecordedRun, type RunStep } from '../traces/recorded-run.js'
import { shuffle, type Random } from '../traces/seeded-random.js'

/** The calls of a worker to the service. */
export interface WorkerApi {
  readonly decide: (step: Step) => Promise<Pick<Decision, 'decision' | 'arm'>>
  readonly report: (outcome: ReportedOutcome) => Promise<void>
}

/** A played run. `arm` is `null` for a run without steps, which never asked. */
export interface PlayedRun extends Ending { readonly run: RecordedRun, readonly arm: Arm | null }

/**
 * Plays a recorded run as a worker would: asks at every step, obeys, and reports. It asks at the recorded steps instead of
 * `next_check_tokens`, since only there is it known what stopping gives.
 */
export async function playGeneration (api: WorkerApi, levels: Levels, run: RecordedRun): Promise<PlayedRun> {
  const { outcome: { arm: recordedArm, ...outcome } } = run // the recorded arm was drawn by another service
  const { generation_id, group_id, sample_index } = outcome
  const identity = { generation_id, ...(group_id !== undefined && { group_id }), context: contextAtLevels(levels, run) }
  let arm: Arm | null = null
  let stop: RunStep | undefined
  for (const step of run.steps) {
    const { tokens, confidence, signals } = step
    const reply = await api.decide({ ...identity, ...(arm && { arm }), tokens, confidence, ...(signals && { signals }) })
    arm ??= reply.arm // the first reply decides it
    if (reply.decision !== 'stop') continue
    stop = step
    break
  }
  const mark = group_id === undefined ? { samples: 1 } : {} // records are of different prompts unless they say otherwise
  const known = { ...identity, ...mark, ...(sample_index !== undefined && { sample_index }), ...(arm && { arm }) }
  const ending = stop === undefined ? ranInFull(run) : stoppedAt(run, stop)
  const steps_asked = stop === undefined ? run.steps.length : run.steps.indexOf(stop) + 1
  await api.report(arm === 'treated'
    ? { ...treatedOutcome({ ...known, steps_asked }, run, ending), ...(stop && probeOf(stop)) }
    : { ...outcome, ...known })
  return { run, arm, ...ending }
}

/** A treated generation reports its answer and what its probes cost, but not what they said. */
function treatedOutcome (
  known: Pick<ReportedOutcome, 'generation_id' | 'steps_asked'>, { answerTokens }: RecordedRun, { tokens, probeTokens, em, isStopped }: Ending): ReportedOutcome {
  return { ...known, tokens, em, answer_tokens: answerTokens, stopped: isStopped, probe_tokens: probeTokens }
}

/** A recorded stop serves the answer that was probed. */
function probeOf ({ tokens, em }: RunStep): Pick<ReportedOutcome, 'stopped_probe'> { return { stopped_probe: { tokens, em } } }

interface Grouped { readonly outcome: Pick<ReportedOutcome, 'group_id'> }

/** The order of a replay: groups are shuffled, and the generations of a group stay together, since they share a prompt. */
export function orderByGroup<R extends Grouped> (random: Random, runs: readonly R[]): R[] {
  const groups = new Map<string, R[]>()
  for (const [i, run] of runs.entries()) {
    const { group_id: group } = run.outcome
    const key = group === undefined ? `generation ${i}` : `group ${group}`
    const members = groups.get(key)
    if (members === undefined) groups.set(key, [run]); else members.push(run)
  }
  return shuffle(random, [...groups.values()]).flat()
}

/**
 * Numbers the samples of each group in its context, where records may repeat a number: several models answered the same prompts. Otherwise
 * all samples with the same number would count where one sample of a group should.
 */
export function numberSamples<R extends { outcome: Pick<ReportedOutcome, 'group_id' | 'sample_index'> }> (
  runs: readonly R[], keyOf: (run: R) => string): R[] {
  const counts = new Map<string, number>()
  return runs.map((run) => {
    const { group_id: group } = run.outcome
    if (group === undefined) return run
    const name = JSON.stringify([keyOf(run), group])
    const sample_index = counts.get(name) ?? 0
    counts.set(name, sample_index + 1)
    return { ...run, outcome: { ...run.outcome, sample_index } }
  })
}

export interface PlayOptions {
  /** Generations in flight at a time. */
  readonly concurrency: number
  readonly signal: AbortSignal
  readonly onServed: (served: PlayedRun) => void
}

/** Plays the runs in order. Rejects with the first failure or the signal's reason; no further generation starts then. */
export async function playAll (
  api: WorkerApi, levels: Levels, runs: readonly RecordedRun[], { concurrency, signal, onServed }: PlayOptions): Promise<void> {
  const queue = numberSamples(runs, (run) => keyAtLevels(levels, run)).values()
  let isFailed = false
  const work = async () => {
    for (const run of queue) {
      signal.throwIfAborted()
      if (isFailed) return
      onServed(await playGeneration(api, levels, run))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, () => work().catch((error) => {
    isFailed = true
    throw error
  })))
}
