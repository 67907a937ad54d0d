import type { EnrolledUnit } from '../evidence/enrolled-unit.js'
import { chainOf } from '../policy/context.js'
import type { EvidenceUnit } from '../stats/evidence.js'
import { countControl, sumsOn } from '../stats/savings-sums.js'
import { addControl, addSaved } from '../stats/savings.js'
import { type ContextState, withSlices } from './context-state.js'
import { lossOf } from './control-losses.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { deepestOf, presentDay } from './savings-by-day.js'
import { sparedTokens } from './spared-tokens.js'

/**
 * Counts what stopping would have saved, and lost, in a sample of a control member, for every link of its chain.
 * @param unit `null`: it is not known yet what it loses
 * @param state of the context that gathers the evidence, as stored
 */
export function takeSavings (
  fold: Fold, pending: PendingOutcome, member: EnrolledUnit, unit: EvidenceUnit | null, state: ContextState, time: number
): void {
  const { leaf, key } = pending
  const { share, saved: earlier } = member
  const tokens = sparedTokens(fold, pending, member, state, time)
  if (tokens === null) return
  const { label_rate: enrolled } = policyOf(fold.ledger, key)
  const loss = unit && lossOf(fold, key, unit, state)
  const sample = { tokens, loss, share, enrolled }
  const chain = chainOf(leaf)
  const counts = deepestOf(fold, chain)
  for (const link of chain) {
    const own = fold.get(link)
    if (own === undefined) continue
    const { savings } = own
    const sums = addControl(savings.sums, tokens, share, earlier, enrolled)
    const today = link === counts ? countControl(sumsOn(presentDay(fold), savings.today), sample, earlier) : savings.today
    fold.set(link, withSlices(own, { savings: { ...savings, sums, today } }))
  }
  member.saved = { ...addSaved(earlier, tokens), known: (earlier?.known ?? 0) + (loss === null ? 0 : 1) }
}
