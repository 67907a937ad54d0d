import { addLists, type EvidenceUnit, zeroList } from '../certificate/evidence.js'
import { CERTIFIABLE, EIGHTHS, HOPE } from '../certificate/certificate.js'
import { GRID, LOTTERY_STEP, valueAt } from '../certificate/thresholds.js'
import type { Policy } from '../policy/policy.js'
import type { CountsByName } from './counts-by-name.js'

/**
 * Labels of a judge cost tokens, and most answers that differ do so at loose thresholds, which lose far too much to be ever certified.
 * So labels are asked for only up to the loosest threshold that may still be certified. A difference at a looser one counts as lost, which
 * makes no certificate easier.
 */

/** The losses that late labels have shown in the newest control samples, for the raw confidence. */
export interface LabelLosses {
  /** Samples, whether or not they needed a label. */
  readonly reported: number
  /** Losses and gains in samples, by threshold. */
  readonly lost: readonly number[]
  readonly gained: readonly number[]
}

/** The reach where all labels are asked for. */
export const ALL_LABELS = GRID.length - 1

const NOTHING: LabelLosses = { reported: 0, lost: zeroList(GRID.length), gained: zeroList(GRID.length) }

/** Number of samples at which all is halved, so that a threshold that has become better is tried again. */
const MOST_REPORTED = 512

/**
 * Whether labels are only asked for as far as they are worth their price: where a grader gives them, which states its name. Predictors
 * learn from all labels.
 */
export function areLabelsSpared (
  { label, missing_labels: missing, predictor }: Pick<Policy, 'label' | 'missing_labels' | 'predictor'>, sources: CountsByName | undefined
): boolean {
  return label === 'exact_match' && missing === 'lost' && predictor === 'off' && sources !== undefined
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
 * Index of the loosest threshold for which labels are asked, -1 for none: the last before one that is without hope, or that one itself
 * where the safest lottery towards it has hope. Losses beyond it are not seen, so its share of the samples falls until it is tried again.
 * @param a tolerance of the test
 */
export function labelReach ({ reported, lost, gained }: LabelLosses, a: number): number {
  const isHopeless = (place: number) => {
    const [losses, gains] = [valueAt(lost, place), valueAt(gained, place)]
    return losses > 0 && losses - gains - HOPE * Math.sqrt(losses + gains) >= CERTIFIABLE * a * reported
  }
  const worst = lost.findIndex((_, k) => isHopeless(k))
  if (worst === -1) return ALL_LABELS
  return worst > 0 && !isHopeless(worst - 1 + LOTTERY_STEP) ? worst : worst - 1
}
