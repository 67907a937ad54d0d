import { thresholdsOf, type Evidence } from '../certificate/evidence.js'
import { findPredictor } from '../predictor/fingerprint.js'
import type { Predictor } from '../predictor/predictor.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import type { RequestedGuarantee } from './requested-guarantee.js'

/** The evidence of one predictor in one context and epoch, from outcomes that it was not trained on. */
export interface Trial {
  /** Its name. */
  readonly predictor: string
  /** Which of that name the evidence is for. */
  readonly fingerprint?: string
  /** Which challenger of the epoch it is, from 1: by that it has its part of the level. */
  readonly ordinal: number
  /** Only what arrived since is evidence for it, ms. */
  readonly since: number
  readonly requested: RequestedGuarantee
  readonly halves: readonly [Evidence, Evidence]
  /** Would-be evidence of groups that it was trained on, set aside. */
  readonly trained_on: number
}

/** The predictor on trial, unless it is gone, or the evidence is of another grid than its own: that is damage, and speaks of nothing. */
export function predictorOf ({ predictor: name, fingerprint, halves }: Trial, predictors: LivePredictors): Predictor | undefined {
  const predictor = findPredictor(predictors, { name, fingerprint })
  return predictor?.grid.length === thresholdsOf(halves[0]) ? predictor : undefined
}
