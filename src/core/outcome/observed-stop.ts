import { isStopProbed } from '../decide/arm.js'
import { murmur3 } from '../decide/hash.js'
import { type Label, TOKENS } from '../policy/policy.js'
import { digestsAgree } from './exact-match.js'
import type { LoggedOutcome, StoppedProbe } from './outcome.js'

/** EM of the probed answer less EM of the served one, of one treated generation; 0 if it was not stopped. */
export type ServedDifference = -1 | 0 | 1

/** A stop as fidelity sees it. */
interface ObservedStop {
  readonly isEqual: boolean
  /** `null`: a label decides. */
  readonly difference: ServedDifference | null
}

/** Samples of a group of which no outcome says how many there are: a large group of reinforcement learning. */
const ASSUMED_SAMPLES = 16

/**
 * Whether an outcome counts where one sample of a group does: for fidelity, and for the comparison of the arms. The samples of a
 * group have the same prompt and arm, so together they would look like many more generations than they are. It is the first sample, or,
 * where outcomes do not state their numbers, one on average by the hash of their ids.
 */
export function representsGroup (
  { generation_id: id, sample_index: index, samples = ASSUMED_SAMPLES }: Pick<LoggedOutcome, 'generation_id' | 'sample_index' | 'samples'>
): boolean {
  if (index === null || index >= 0) return (index ?? 0) === 0
  return murmur3(`fidelity:${id}`) / 0x1_0000_0000 * samples < 1
}

/**
 * Whether a treated generation shows that its answer is the probed one, or could show that it is not: under thinking budgets only those do
 * whose stop is drawn for a probe.
 * @param score by name
 */
export function isCompared (score: string, { hash }: Pick<LoggedOutcome, 'hash'>): boolean { return score !== TOKENS || isStopProbed(hash) }

/**
 * Compares the probed answer with the served answer. Without a label that decides, a difference counts as lost, or as far
 * as the known EM of the served answer allows.
 * @param mayLabelCome whether a label can still arrive
 * @returns `null` if the two have nothing to compare: neither both answers nor both grades are known
 */
export function observeStop (
  { full, answer_digest: served, stopped_probe: probe }: Pick<LoggedOutcome, 'full' | 'answer_digest' | 'stopped_probe'>, label: Label, mayLabelCome: boolean
): ObservedStop | null {
  if (probe === undefined) return null
  const [probeEm, servedEm] = label === 'exact_match' ? [probe.exact_match, full.exact_match] : [undefined, undefined]
  const isSame = isSameAnswer(probe, served)
  const difference = probeEm === undefined || servedEm === undefined ? undefined : probeEm - servedEm as ServedDifference
  if (difference !== undefined) return { isEqual: isSame ?? difference === 0, difference }
  if (isSame === undefined) return null
  if (isSame) return { isEqual: true, difference: 0 }
  if (servedEm !== undefined) return { isEqual: false, difference: servedEm === 1 ? 0 : 1 }
  return { isEqual: false, difference: label === 'exact_match' && mayLabelCome ? null : 1 }
}

function isSameAnswer ({ agreement, answer_digest: probed }: StoppedProbe, served: string | undefined): boolean | undefined {
  if (agreement !== undefined) return agreement === 1
  return probed === undefined || served === undefined ? undefined : digestsAgree(probed, served)
}
