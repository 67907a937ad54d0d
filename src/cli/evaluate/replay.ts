import type { Arm } from '../../core/decide/index.js'
import type { Levels, PolicyPatch } from '../../core/policy/index.js'
import type { ReportedOutcome } from '../../core/outcome/index.js'
import { atCadence, contextAtLevels, keyAtLevels, ranInFull, stoppedAt, type Ending, type RecordedRun, type RunStep } from '../traces/recorded-run.js'
import { type Random, seededRandom, shuffle } from '../traces/seeded-random.js'
import { type MemoryService, memoryService } from './memory-service.js'

/** A played run. `arm` is `null` for one that ended before its first check, and so never asked. */
export interface PlayedRun extends Ending {
  readonly run: RecordedRun
  readonly arm: Arm | null
  /** Whether a threshold was in force when it began. */
  readonly hasThreshold: boolean
}

/** Time from one generation to the next, ms. */
const PACE_MS = 1000

/**
 * What differs from the default policy: the order is random, so that the time of the evidence says nothing, and outcomes come at once, so
 * that slices of ten generations do.
 */
const REPLAY_POLICY: PolicyPatch = { follow_up_seconds: 160, evidence_span_seconds: 0 }

/**
 * Plays each run once, in a random order, against the real decisions and the real learner, which starts without evidence. One generation
 * is played at a time.
 */
export function replay (runs: readonly RecordedRun[], levels: Levels, policy: PolicyPatch, seed: number): PlayedRun[] {
  const service = memoryService(`salt ${seed}`, levels, { ...REPLAY_POLICY, ...policy })
  const ordered = numberSamples(orderByGroup(seededRandom(seed), runs), (run) => keyAtLevels(levels, run))
  return ordered.map((run) => {
    service.pass(PACE_MS)
    return playRun(service, levels, run)
  })
}

/** Plays a run as a worker would: draws its arm, asks at the checks, obeys, and reports. Checks are at the recorded steps. */
export function playRun (service: Pick<MemoryService, 'decide' | 'report' | 'rule'>, levels: Levels, run: RecordedRun): PlayedRun {
  const context = contextAtLevels(levels, run)
  const { generation_id, group_id, sample_index, samples = 1 } = run.outcome
  const identity = { generation_id, ...(group_id !== undefined && { group_id }), context }
  const rule = service.rule(context)
  const hasThreshold = rule.threshold !== null
  const { steps, probeTokens } = atCadence(run, { cadence: rule, probeTokens: null })
  if (steps.length === 0) return { run, arm: null, hasThreshold, ...ranInFull(run), probeTokens: 0 }
  const sample = sample_index === undefined ? {} : { sample: sample_index }
  const { arm, next_check_tokens: next } = service.decide({ ...identity, ...sample, tokens: 0, confidence: null })
  const asked = next === null ? [] : steps
  const isStop = ({ tokens, confidence, signals }: RunStep) =>
    service.decide({ ...identity, arm, tokens, confidence, ...(signals && { signals }) }).decision === 'stop'
  const stop = asked.find(isStop)
  const ending = stop === undefined ? { ...ranInFull(run), probeTokens: asked.length === 0 ? 0 : probeTokens } : stoppedAt(run, stop)
  const steps_asked = stop === undefined ? asked.length : asked.indexOf(stop) + 1
  const { tokens, em } = ending
  const sampled = sample_index === undefined ? {} : { sample_index }
  const known = { ...identity, ...sampled, samples, arm, tokens, em, answer_tokens: run.answerTokens, steps_asked }
  service.report(arm === 'control'
    ? { ...known, steps: reportedSteps(steps) }
    : { ...known, probe_tokens: ending.probeTokens, ...(stop !== undefined && stoppedBy(stop)) })
  return { run, arm, hasThreshold, ...ending }
}

/** A recorded stop serves the answer that was probed. */
function stoppedBy ({ tokens, em }: RunStep): Partial<ReportedOutcome> { return { stopped: true, stopped_probe: { tokens, em } } }

function reportedSteps (steps: readonly RunStep[]): ReportedOutcome['steps'] {
  return steps.map(({ tokens, confidence, signals, em, probeTokens }, i) => ({
    tokens, confidence, ...(signals && { signals }), em, probe_tokens: probeTokens - (steps[i - 1]?.probeTokens ?? 0),
  }))
}

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
 * Numbers the samples of each group in its context, and says how many there are. Records may repeat a number where several models answered
 * the same prompts: all of these samples would count where one sample of a group should.
 */
export function numberSamples<R extends { outcome: Pick<ReportedOutcome, 'group_id' | 'sample_index' | 'samples'> }> (
  runs: readonly R[], keyOf: (run: R) => string): R[] {
  const nameOf = (run: R) => JSON.stringify([keyOf(run), run.outcome.group_id])
  const sizes = new Map<string, number>()
  for (const run of runs) sizes.set(nameOf(run), (sizes.get(nameOf(run)) ?? 0) + 1)
  const counts = new Map<string, number>()
  return runs.map((run) => {
    if (run.outcome.group_id === undefined) return run
    const name = nameOf(run)
    const sample_index = counts.get(name) ?? 0
    counts.set(name, sample_index + 1)
    return { ...run, outcome: { ...run.outcome, sample_index, samples: sizes.get(name)! } }
  })
}
