import type { Cohort } from '../enrolment/cohort.js'
import { unitOfMember, withoutMissing } from '../enrolment/member.js'
import type { ContextState } from '../judgement/context-state.js'
import { copyState } from '../judgement/copy-state.js'
import { addToMembership, hasLeft, leftEpochOf, type MemberUnit } from '../judgement/membership.js'
import { servingNumber } from '../judgement/sync-trials.js'
import type { Policy } from '../policy/policy.js'
import { cohortRules } from './cohort-rules.js'
import { forceOf, type Fold } from './fold.js'
import { moveInForce } from './threshold-change.js'

/** The pool that members are accounted for in. */
export interface Pool {
  readonly state: ContextState
  readonly policy: Policy
}

/** A control unit of one context of a pool. Where outcomes count on arrival, each is final at once: `slice` is less than `firstOpen`. */
type UnitOfMember = Pick<MemberUnit, 'unit' | 'slice' | 'firstOpen' | 'scorer'> & { readonly leaf: string }

/** Lets the contexts of a pool learn from their own control units that were accounted for. Missing samples are left out. */
export function applyMembers (fold: Fold, pool: Pool, cohort: Cohort, time: number): void {
  const accounted = cohort.takeAccounted()
  if (accounted.length === 0) return
  const number = servingNumber(pool.state)
  const serving = cohortRules(fold, pool.state, pool.policy).scorers.find(({ scorer }) => scorer === number)
  if (serving === undefined) return
  const { firstOpen } = cohort
  const shown = accounted.flatMap((member): UnitOfMember[] => {
    const { leaf, slice: { number: slice }, u } = member
    if (slice < serving.since || serving.isSetAside?.(u) === true) return []
    const unit = unitOfMember(withoutMissing(member), serving.scorer, serving.thresholds)
    return unit === null ? [] : [{ leaf: leaf!, unit, slice, firstOpen, scorer: serving.scorer }]
  })
  const last = new Map(shown.map((one) => [one.leaf, one]))
  for (const one of shown) applyMember(fold, pool, last.get(one.leaf) === one ? one : { ...one, firstOpen: NONE_FINAL }, time)
}

/** Of several units at once the last lets the detector watch: a slice must be watched as a whole, not in the order of its units. */
const NONE_FINAL = 0

/** Adds a unit to what a member has shown. If its own detector alarms, it leaves the pool. */
export function applyMember (fold: Fold, pool: Pool, { leaf, ...shown }: UnitOfMember, time: number): void {
  const state = fold.get(leaf)
  if (state === undefined) return // there is no room for more contexts
  const { epoch_name: epoch, threshold_index: place } = pool.state
  const { max_em_drop } = pool.policy
  const membership = addToMembership(state.membership, { ...shown, epoch, place, max_em_drop, time })
  const next = copyState(state, { membership })
  if (membership.left_at === null || hasLeft(leftEpochOf(state), epoch)) return fold.set(leaf, next)
  const before = forceOf(fold, leaf, time)
  fold.set(leaf, next)
  fold.changes.push({ time, key: leaf, cause: 'left_pool', epoch: state.epoch, ...moveInForce(before, forceOf(fold, leaf, time)) })
}
