import { withoutHold } from '../guards/guards.js'
import type { ContextState } from './context-state.js'
import { type Fold, statesWithin } from './fold.js'
import { policyOf } from './ledger.js'
import { startEpoch } from './start-epoch.js'
import { type Command, type ImportEntry, type Origin, signature } from './log-entry.js'
import { ROOT } from '../policy/context.js'
import { type Looks, looksOfImport } from '../stats/error-budget.js'
import { moveOf } from './threshold-change.js'
import { moveShare } from './control-share.js'

/** Name under which the service records its own commands. */
export const SERVICE = 'stopgate'

/**
 * Starts an epoch in a context and everything below it; noted even where there was no threshold to lose. By a reset an operator says that
 * the cause of a breach is gone. The service resets a context when something is damaged, which says nothing of the cause, and nobody chose
 * to look again.
 */
export function applyReset (fold: Fold, time: number, { key: under, below, ...origin }: ResetEntry): void {
  startAll(fold, statesWithin(fold, under, below), { cause: 'reset', time, origin: signature(origin) }, (started, state) =>
    origin.by === SERVICE ? withLooks(started, state.epoch.looks) : { ...started, guards: withoutHold(started.guards) })
}

/** Starts an epoch in every context: whoever imports a state has chosen its evidence. */
export function applyImport (fold: Fold, time: number, { replaced }: ImportEntry): void {
  startAll(fold, statesWithin(fold, ROOT), { cause: 'import', time }, (started, _, key) =>
    withLooks(started, looksOfImport(started.epoch.looks, replaced[key], policyOf(fold.ledger, key), time)))
}

function withLooks (state: ContextState, looks: Looks): ContextState { return { ...state, epoch: { ...state.epoch, looks } } }

interface Starting { readonly cause: 'reset' | 'import', readonly time: number, readonly origin?: Origin }

/** Starts an epoch in some contexts. @param next changes the state of the new epoch */
function startAll (
  fold: Fold, states: ReturnType<typeof statesWithin>, { cause, time, origin }: Starting,
  next: (started: ContextState, last: ContextState, key: string) => ContextState
): void {
  const opened = states.map(([key, last]) => {
    const started = next(startEpoch(fold, key, last, { cause, policy: policyOf(fold.ledger, key), time }), last, key)
    fold.set(key, started)
    fold.changes.push({ time, key, cause, epoch: started.epoch.number, ...moveOf(last), ...origin })
    return [key, started] as const
  })
  for (const [key, state] of opened) moveShare(fold, key, state, time)
}

type ResetEntry = Extract<Command, { type: 'reset' }>
