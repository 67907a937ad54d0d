import type { Cohort } from '../evidence/cohort.js'
import { evidenceUnitOfEnrolled, withoutMissing } from '../evidence/enrolled-unit.js'
import { addToMembership, type MemberUnit } from '../evidence/membership.js'
import { testedBound } from '../stats/judge-errors.js'
import type { RulesOfContext } from './cohort-rules.js'
import type { ContextState } from './context-state.js'
import type { Fold } from './fold.js'
import { setMembership } from './write-state.js'

/** A control unit of one context of a pool. */
type UnitOfMember = Pick<MemberUnit, 'unit' | 'isKnown' | 'slice'> & { readonly leaf: string }

/** Lets the contexts of a pool learn from their own control units that were accounted for. Missing samples are left out. */
export function applyMembers (fold: Fold, pool: ContextState, cohort: Cohort, { scoring, policy }: RulesOfContext, time: number): void {
  const accounted = cohort.takeAccounted()
  if (accounted.length === 0 || scoring === null) return
  const { firstOpen } = cohort
  const shown = accounted.flatMap((member): UnitOfMember[] => {
    const { leaf, slice: { number: slice }, u, atWorst } = member
    if (scoring.isSetAside?.(u) === true) return []
    const unit = evidenceUnitOfEnrolled(withoutMissing(member), scoring.thresholds)
    return unit === null ? [] : [{ leaf: leaf!, unit, isKnown: atWorst === 0, slice }]
  })
  const { epoch: { name: epoch }, rule: { index } } = pool
  const inPool = { epoch, index, bound: testedBound(policy), time }
  const last = new Map(shown.map((one) => [one.leaf, one]))
  for (const one of shown) applyMember(fold, { ...one, ...inPool, firstOpen: last.get(one.leaf) === one ? firstOpen : NONE_FINAL })
}

/** Of several units at once the last lets the detector watch: a slice must be watched as a whole, not in the order of its units. */
const NONE_FINAL = 0

/** Adds a unit to what a member has shown. It leaves the pool if its own detector alarms, or if it loses too much. */
function applyMember (fold: Fold, { leaf, ...shown }: MemberUnit & { readonly leaf: string }): void {
  const state = fold.get(leaf)
  if (state === undefined) return // there is no room for more contexts
  setMembership(fold, leaf, state, addToMembership(state.membership, shown), shown.time)
}
