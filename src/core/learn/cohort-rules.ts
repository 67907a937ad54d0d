import type { CohortRules, CohortScoring } from '../evidence/accounting.js'
import { spanOf } from '../evidence/evidence-span.js'
import { stopsReported } from '../guards/guards.js'
import type { Policy } from '../policy/policy.js'
import { scoreOfEpoch } from '../scores/score.js'
import type { ContextState } from './context-state.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import { isTrainedOn, unitOfOutcome } from './units-of-outcome.js'

export interface RulesOfContext extends CohortRules { readonly policy: Policy }

/** The rules by which a context's cohort is followed up. */
export function cohortRules (fold: Fold, key: string, state: ContextState): RulesOfContext {
  return new RulesOfState(fold, state, policyOf(fold.ledger, key))
}

/** Most outcomes need few of the rules, so each is made when it is asked for. */
class RulesOfState implements RulesOfContext {
  readonly #fold: Fold
  readonly #state: ContextState
  readonly policy: Policy
  #scoring: CohortScoring | null | undefined

  constructor (fold: Fold, state: ContextState, policy: Policy) {
    this.#fold = fold
    this.#state = state
    this.policy = policy
  }

  get span () { return spanOf(this.policy) }
  get labelRate () { return this.policy.label_rate }
  get stops () { return stopsReported(this.#state.guards) }
  get followUp () { return 1000 * this.policy.follow_up_seconds }
  get wait () { return this.#fold.times.wait }
  get scoring () {
    if (this.#scoring === undefined) this.#scoring = scoringOf(this.#fold, this.#state)
    return this.#scoring
  }

  worstUnit (id: string) {
    const pending = this.#fold.pending.get(id)
    if (pending === undefined || pending.outcome.steps === null) return null
    return unitOfOutcome(pending.outcome, pending.leaf, this.policy, this.#state, this.#fold.predictors).unit
  }
}

/** `null` if the score is gone. */
function scoringOf ({ predictors }: Fold, state: ContextState): CohortScoring | null {
  const score = scoreOfEpoch(state.epoch, predictors)
  if (score === undefined) return null
  return { thresholds: score.grid.length, ...(score.predictor !== null && { isSetAside: (u: number) => isTrainedOn(score, u) }) }
}
