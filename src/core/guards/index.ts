/** The names of `guards` that other parts import: drift, breach, their sight, and the comparison of the arms. */
export { type Arms, emDifference, NO_ARMS } from './arms.js'
export { NO_CADENCES } from './cadences.js'
export { ALARM, suspicion } from './detector.js'
export { NO_DRIFT } from './drift.js'
export { BREACH, fidelitySuspicion } from './fidelity.js'
export { LATE_LABELS } from './late-labels.js'
export { NO_SIGHT } from './sight.js'
