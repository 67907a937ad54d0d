import { ALL_LABELS } from '../decide/rule.js'
import { addLists, type EvidenceUnit, zeroList } from '../stats/evidence.js'
import { CERTIFIABLE, EIGHTHS, HOPE } from '../stats/certificate.js'
import { GRID } from '../decide/grid.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import { testedBound } from '../stats/judge-errors.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import { type CountsByName, countForName } from './counts-by-name.js'

/**
 * A judge's labels cost tokens, and most answers that differ do so at loose thresholds, which lose far too much ever to be certified. So
 * labels are asked for only up to the loosest threshold that may still be certified. Differences at looser ones count as lost, which makes
 * no certificate easier.
 */

/** What the labels of an epoch have shown that came after their outcomes. */
export interface Labels {
  /** How many each grader gave; absent: none stated its name. */
  readonly sources?: CountsByName | undefined
  /** Absent: every outcome came with its grade. */
  readonly losses?: LabelLosses | undefined
}

export const NO_LABELS: Labels = { sources: undefined, losses: undefined }

/** The losses that late labels have shown in the newest control samples, for the raw confidence. */
export interface LabelLosses {
  /** Samples, whether or not they needed a label. */
  readonly reported: number
  /** Losses and gains in samples, by threshold. */
  readonly lost: readonly number[]
  readonly gained: readonly number[]
}

const NOTHING: LabelLosses = { reported: 0, lost: zeroList(GRID.length), gained: zeroList(GRID.length) }

/** Number of samples at which all counts are halved, so that a threshold that has improved is tried again. */
const MOST_REPORTED = 512

/** Whether only some labels are asked for: where a grader, which states its name, gives them, and the raw confidence is the score. */
export function areLabelsSpared (
  { label, score }: Pick<Policy, 'label' | 'score'>, sources: CountsByName | undefined
): boolean {
  return label === 'exact_match' && score === CONFIDENCE && sources !== undefined
}

/** Counts the outcome of an enrolled unit, which may have come without its label. */
export function countUnlabelled (labels: Labels, { full }: Pick<LoggedOutcome, 'full'>, { label }: Pick<Policy, 'label'>): Labels {
  if (label !== 'exact_match' || full.exact_match !== undefined) return labels
  return { ...labels, losses: addUnlabelled(labels.losses) }
}

/**
 * Counts a label that came after its outcome.
 * @param source name of the grader, if it gave one
 * @param unit what the label shows; `null`: it is no evidence for its score
 */
export function countLabelled (
  { sources, losses }: Labels, source: string | undefined, unit: EvidenceUnit | null, { score }: Pick<Policy, 'score'>): Labels {
  return { sources: countForName(sources, source), losses: unit === null || score !== CONFIDENCE ? losses : addLabelled(losses, unit) }
}

/** Index of the loosest threshold for which labels are asked for, at least the one in force, where drift is watched. */
export function labelReachOf ({ sources, losses }: Labels, policy: Policy, inForce: number): number {
  if (losses === undefined || !areLabelsSpared(policy, sources)) return ALL_LABELS
  return Math.max(inForce, labelReach(losses, testedBound(policy)))
}

/** Counts a control sample that came without its label. */
export function addUnlabelled ({ reported, lost, gained }: LabelLosses = NOTHING): LabelLosses {
  if (reported + 1 < MOST_REPORTED) return { reported: reported + 1, lost, gained }
  return { reported: (reported + 1) / 2, lost: lost.map((units) => units / 2), gained: gained.map((units) => units / 2) }
}

/** Adds what its label has shown. */
export function addLabelled ({ reported, lost, gained }: LabelLosses = NOTHING, { eighths }: Pick<EvidenceUnit, 'eighths'>): LabelLosses {
  const sum = (counts: readonly number[], sign: 1 | -1) => addLists(counts, eighths.map((d) => Math.max(0, sign * d) / EIGHTHS))
  return { reported, lost: sum(lost, 1), gained: sum(gained, -1) }
}

/**
 * Index of the loosest threshold for which labels are asked for, -1 for none. It is the last one before the first hopeless threshold.
 * Losses beyond it are not seen, so that the share of those seen falls until it is tried again.
 * @param a tolerance of the test
 */
export function labelReach ({ reported, lost, gained }: LabelLosses, a: number): number {
  const isHopeless = (losses: number, gains: number) =>
    losses > 0 && losses - gains - HOPE * Math.sqrt(losses + gains) >= CERTIFIABLE * a * reported
  const worst = lost.findIndex((losses, k) => isHopeless(losses, gained[k]!))
  return worst === -1 ? ALL_LABELS : worst - 1
}
