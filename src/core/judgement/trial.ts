import { thresholdsOf, type Evidence } from '../certificate/evidence.js'
import { findPredictor } from '../predictor/fingerprint.js'
import type { Predictor } from '../predictor/predictor.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import type { OpenEvidence } from '../certificate/open-evidence.js'
import type { RequestedGuarantee } from './requested-guarantee.js'

/** The evidence for one predictor in one context and epoch, from outcomes that it was not trained on. */
export interface Trial {
  /** Name of the predictor. */
  readonly predictor: string
  /** Tells that predictor from another one of the same name. */
  readonly fingerprint?: string
  /** Its number among the challengers of the epoch, from 1, which decides its part of the level. */
  readonly ordinal: number
  /** Number of the first slice that it takes evidence from: the first that began after it was published. */
  readonly since: number
  readonly requested: RequestedGuarantee
  readonly halves: readonly [Evidence, Evidence]
  /** As the same fields of the context's state. */
  readonly open: OpenEvidence
  readonly certified: number
  /** Outcomes left out because it was trained on their groups. */
  readonly trained_on: number
}

/** The predictor on trial; `undefined` where it is gone, or where the evidence does not fit its grid and so is damaged. */
export function predictorOf ({ predictor: name, fingerprint, halves }: Trial, predictors: LivePredictors): Predictor | undefined {
  const predictor = findPredictor(predictors, { name, fingerprint })
  return predictor?.grid.length === thresholdsOf(halves[0]) ? predictor : undefined
}
