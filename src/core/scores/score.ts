import { BUDGETS, GRID } from '../decide/grid.js'
import type { Levels } from '../policy/context.js'
import { CONFIDENCE, type Policy, TOKENS } from '../policy/policy.js'
import { findPredictor, fingerprintOf, type LivePredictors } from './predictor-version.js'
import { type ScoredBy, scoreOf as scoreOfStep } from '../decide/scorer.js'
import type { LoggedStep } from '../outcome/outcome.js'
import { type Predictor, scorerFor } from './predictor.js'

/** The score that thresholds are compared with. */
export interface Score {
  /** `null`: the raw confidence, or the token count. */
  readonly predictor: Predictor | null
  /** Thresholds, safest first. */
  readonly grid: readonly number[]
}

const OF_CONFIDENCE: Score = { predictor: null, grid: GRID }
const OF_TOKENS: Score = { predictor: null, grid: BUDGETS }

/** The score of a name that is no predictor's. */
function plainScore (name: string): Score | undefined {
  return name === CONFIDENCE ? OF_CONFIDENCE : name === TOKENS ? OF_TOKENS : undefined
}

function scoreOf (predictor: Predictor | undefined): Score | undefined { return predictor && { predictor, grid: predictor.grid } }

/** The score that a policy names; `undefined`: its predictor is gone or retired, or made for another label or other levels. */
export function scoreOfPolicy ({ score, label }: Pick<Policy, 'score' | 'label'>, levels: Levels, predictors: LivePredictors): Score | undefined {
  const plain = plainScore(score)
  if (plain !== undefined) return plain
  const predictor = predictors.get(score)
  return predictor?.label === label && predictor.levels === levels.join() ? scoreOf(predictor) : undefined
}

/** The part of the meaning of evidence that its score is: the same name may be that of another predictor later. */
export function scoreTerms (policy: Pick<Policy, 'score' | 'label'>, levels: Levels, predictors: LivePredictors) {
  const predictor = scoreOfPolicy(policy, levels, predictors)?.predictor ?? null
  return { score: policy.score, score_fingerprint: predictor === null ? null : fingerprintOf(predictor) }
}

type ScoreTerms = ReturnType<typeof scoreTerms>

/** What scores the steps of a leaf: a predictor with its weights there, or one of the scores that need none. */
export function scorerOf (score: Score, leaf: string): ScoredBy {
  return score === OF_TOKENS ? TOKENS : score.predictor === null ? null : scorerFor(score.predictor, leaf)
}

/** How a score values the steps of a leaf. */
export function scoring (score: Score, leaf: string): (step: ScoredStep) => number | null {
  const by = scorerOf(score, leaf)
  return (step) => scoreOfStep(by, step)
}

type ScoredStep = Pick<LoggedStep, 'tokens' | 'confidence' | 'signals' | 'repeats'>

/** The score that an epoch is about; `undefined`: its predictor is gone, so its outcomes are no evidence. */
export function scoreOfEpoch ({ meaning }: { readonly meaning: ScoreTerms }, predictors: LivePredictors): Score | undefined {
  const { score, score_fingerprint: fingerprint } = meaning
  const plain = plainScore(score)
  if (plain !== undefined) return plain
  return fingerprint === null ? undefined : scoreOf(findPredictor(predictors, { name: score, fingerprint }))
}
