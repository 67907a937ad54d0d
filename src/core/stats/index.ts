/** The names of `stats` that other parts import: tests, sums, estimates and intervals. */
export { EIGHTHS, FORECAST_LIMIT, generationsToReach, losslessUnits } from './certificate.js'
export { certifiedIndex } from './certified-threshold.js'
export type { DifferenceSums } from './difference-sums.js'
export { emDropInterval } from './em-drop-interval.js'
export { addTrace, type PackedEvidence, packEvidence, unpackEvidence } from './evidence-sum.js'
export { differencesAt, emDrop, type Evidence, grossSavedRatio, noEvidence, thresholdsOf, tokensSavedRatio } from './evidence.js'
export { barOf, type EndedEpoch } from './error-budget.js'
export { trueDrop } from './judge-errors.js'
export type { OpenEvidence } from './prefixes.js'
export { probeOverhead } from './probe-spending.js'
export { HOURS, hoursOf, type SavingsHour, startHistory } from './savings-history.js'
export {
  addSums, dayOf, type EndedDay, figuresOfSums, fromNumbers, NO_SUMS, SAVINGS_DAYS, SAVINGS_NUMBERS, type SavedFigures, type SavingsOfDay,
  type SavingsSums, startOfDay, toNumbers,
} from './savings-sums.js'
export { NO_SAVINGS, type Savings } from './savings.js'
export { type KeptTrace, stepsAtCadence, type Stop, stopsOf, type Trace } from './trace.js'
export type { Estimate } from './weighted-sums.js'
