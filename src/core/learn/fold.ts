import type { EndedDay } from '../stats/savings-sums.js'
import type { KeptTrace } from '../stats/trace.js'
import type { ContextCounts } from './context-counts.js'
import type { ContextState } from './context-state.js'
import type { Cohorts } from '../evidence/cohorts.js'
import type { EnrolmentTimes } from '../evidence/enrolment-list.js'
import { depthOf, isPattern, isWithin } from '../policy/context.js'
import type { Predictor } from '../scores/predictor.js'
import type { Reservoir } from '../scores/reservoir.js'
import type { PendingOutcomes } from './pending-outcomes.js'
import type { Change } from './threshold-change.js'
import type { Ledger } from './ledger.js'

/**
 * Learned state while a run of entries is folded, changed in place: reads see earlier writes, and writes can be committed or
 * dropped whole. A function that changes the state of a context takes that state as an argument, stores the next one and returns it, and
 * its caller continues with the returned one. Only states of other contexts are read with `get`.
 */
export interface Fold {
  ledger: Ledger
  readonly keys: () => Iterable<string>
  readonly get: (key: string) => ContextState | undefined
  readonly set: (key: string, state: ContextState | undefined) => void
  readonly pending: PendingOutcomes
  readonly cohorts: Cohorts
  readonly counts: ContextCounts
  readonly times: EnrolmentTimes
  /** Id of the entry that is folded. */
  cursor: string
  readonly reservoir: Reservoir
  /** Full traces to keep, by `<context key> <slot>`. */
  readonly traces: Map<string, KeptTrace>
  /** Those of the ledger, in its order. */
  readonly predictors: Map<string, Predictor>
  readonly changes: Change[]
  /** Days that have ended. */
  readonly days: EndedDay[]
}

interface FoldedStates extends Pick<Fold, 'keys' | 'get' | 'set'> {
  /** The states that were set; `undefined`: gone. */
  readonly changed: ReadonlyMap<string, ContextState | undefined>
}

/** Changes to committed states, which stay as they are. */
export function foldedStates (committed: ReadonlyMap<string, ContextState>): FoldedStates {
  const changed = new Map<string, ContextState | undefined>()
  const get = (key: string) => {
    const state = changed.get(key)
    return state !== undefined || changed.has(key) ? state : committed.get(key)
  }
  return {
    changed,
    get,
    keys: () => [...new Set([...committed.keys(), ...changed.keys()])].filter((key) => get(key) !== undefined),
    set: (key, state) => { changed.set(key, state) },
  }
}

/**
 * The existing contexts at or below a key, which may be a pattern, with their states as stored.
 * @param below `false`: only the context itself
 */
export function statesWithin (fold: Fold, under: string, below = true): Array<readonly [key: string, state: ContextState]> {
  const isSingle = !below || (depthOf(under) === fold.ledger.configuration.levels.length && !isPattern(under))
  const keys = isSingle ? [under] : [...fold.keys()].filter((key) => isWithin(key, under))
  return keys.flatMap((key) => {
    const state = fold.get(key)
    return state === undefined ? [] : [[key, state] as const]
  })
}
