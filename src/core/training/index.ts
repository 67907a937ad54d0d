/** The names of `training` that other parts import: checkpoints, verdicts and the forecast of training runs. */
export { type AddedReports, addReports, TRAINING_LIMITS } from './add-reports.js'
export { type Advice, adviceOf, type ContextCheckpoint, type RunCheckpoint } from './advice.js'
export { type Checkpoint, checkpointProblem, isTime, namedKey } from './checkpoint.js'
export { type Series, type TrainingRun, type VerdictName, VERDICTS } from './run.js'
export { describeSeries, summariseSeries } from './series.js'
