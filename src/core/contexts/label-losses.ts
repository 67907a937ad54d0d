import { addLists, type EvidenceUnit, zeroList } from '../certificate/evidence.js'
import { CERTIFIABLE, EIGHTHS, HOPE } from '../certificate/certificate.js'
import { GRID, LOTTERY_STEP, valueAt } from '../certificate/thresholds.js'
import type { Policy } from '../policy/policy.js'

/**
 * Labels cost most where a judge or a person gives them, and most answers that differ do so at loose thresholds, which lose far too much
 * to be ever certified. So labels are asked only up to the loosest threshold that may still be certified. A difference at a looser one
 * counts as lost, which makes no certificate easier.
 */

/** The losses that late labels have shown in the newest control samples, for the raw confidence. */
export interface LabelLosses {
  /** Samples, whether or not they needed a label. */
  readonly reported: number
  /** Net losses in samples, by threshold. */
  readonly lost: readonly number[]
}

/** The reach where all labels are asked for. */
export const ALL_LABELS = GRID.length - 1

const NOTHING: LabelLosses = { reported: 0, lost: zeroList(GRID.length) }

/** Number of samples at which all is halved, so that a threshold that has become better is tried again. */
const MOST_REPORTED = 512

/** Whether labels are only asked as far as they are worth their price. Predictors learn from all of them. */
export function areLabelsSpared ({ label, missing_labels: missing, predictor }: Pick<Policy, 'label' | 'missing_labels' | 'predictor'>): boolean {
  return label === 'exact_match' && missing === 'lost' && predictor === 'off'
}

/** Counts a control sample that came without its label. */
export function addUnlabelled ({ reported, lost }: LabelLosses = NOTHING): LabelLosses {
  if (reported + 1 < MOST_REPORTED) return { reported: reported + 1, lost }
  return { reported: (reported + 1) / 2, lost: lost.map((units) => units / 2) }
}

/** Adds what its label has shown. */
export function addLabelled ({ reported, lost }: LabelLosses = NOTHING, { eighths }: Pick<EvidenceUnit, 'eighths'>): LabelLosses {
  return { reported, lost: addLists(lost, eighths.map((d) => d / EIGHTHS)) }
}

/**
 * Index of the loosest threshold for which labels are asked, -1 for none: the last before one that is without hope, or that one itself
 * where the safest lottery towards it has hope. Losses beyond it are not seen, so its share of the samples falls until it is tried again.
 * @param a tolerance of the test
 */
export function labelReach ({ reported, lost }: LabelLosses, a: number): number {
  const isHopeless = (place: number) => {
    const net = Math.max(0, valueAt(lost, place))
    return net - HOPE * Math.sqrt(net) >= CERTIFIABLE * a * reported && net > 0
  }
  const worst = lost.findIndex((_, k) => isHopeless(k))
  if (worst === -1) return ALL_LABELS
  return worst > 0 && !isHopeless(worst - 1 + LOTTERY_STEP) ? worst : worst - 1
}
