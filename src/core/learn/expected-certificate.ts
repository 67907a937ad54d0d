import { accountedEvidence } from '../evidence/gathered-evidence.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import { emDrop, tokensSavedRatio } from '../stats/evidence.js'
import { trueDrop } from '../stats/judge-errors.js'
import type { ContextState } from './context-state.js'
import type { Fold } from './fold.js'
import { judgeAfresh } from './judge.js'
import type { ExpectedCertificate } from './served-checkpoint.js'

/** The certificate of a checkpoint that is no longer served, as an expectation for the next one; `null`: it has none. */
export function expectationOf (fold: Fold, state: ContextState, policy: Policy): ExpectedCertificate | null {
  const { index, threshold } = judgeAfresh(state, policy, fold.ledger.configuration.levels, fold.predictors)
  if (index === -1) return null
  const evidence = accountedEvidence(state.evidence)
  const [tokens_saved_ratio, em_drop] = [tokensSavedRatio(evidence, index), trueDrop(emDrop(evidence, index), policy)]
  const { run = null, step = null } = state.checkpoint ?? {}
  return { run, step, threshold: threshold!, ...(policy.score !== CONFIDENCE && { scorer: policy.score }), tokens_saved_ratio, em_drop }
}
