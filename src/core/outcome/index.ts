/** The names of `outcome` that other parts import. */
export { agreementWith, answerDigest, type Normalise, rememberingNormaliser } from './exact-match.js'
export { observeStop, representsGroup, type ServedDifference } from './observed-stop.js'
export {
  gradeOutcome, isUnmarked, type LoggedOutcome, MAX_SAMPLES, outcomeProblem, type ReportedOutcome, type StoppedBy, textsOf,
} from './outcome.js'
export { rewardGrader } from './reward.js'
