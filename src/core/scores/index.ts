/** The names of `scores` that other parts import: predictors and how they are trained. */
export { fitPredictor, type FitResult, MIN_OF_EACH } from './fit-predictor.js'
export type { EvidenceTerms, HeldOutSavings } from './held-out-savings.js'
export {
  findPredictor, fingerprintOf, inCreationOrder, type LivePredictors, livePredictors, MAX_PREDICTORS, type PredictorVersion, refTo,
  usablePin,
} from './predictor-version.js'
export { isGridLength, MAX_THRESHOLDS, MIN_THRESHOLDS, type Predictor, predictorProblem, scorerFor } from './predictor.js'
export { Reservoir } from './reservoir.js'
export { byText, type Sample } from './sample.js'
export { scoreOfPolicy } from './score.js'
