import type { Levels } from './context.js'
import type { Pin } from './in-force.js'
import type { LoggedOutcome } from './outcome.js'
import type { PolicyPatch } from './policy.js'

/** What a learner is set up with; a change reaches learned state through the log like anything else. */
export interface Configuration {
  readonly levels: Levels
  readonly defaults: PolicyPatch
  readonly max_contexts: number
}

/** Everything that changes learned state, in one order. */
export type LogEntry =
  | LoggedOutcome
  | { readonly type: 'policy', readonly key: string, readonly policy: PolicyPatch | null }
  | { readonly type: 'pin', readonly key: string, readonly pin: Pin | null, readonly reason: string }
  | { readonly type: 'reset', readonly key: string, readonly reason: string }
  | { readonly type: 'configuration', readonly configuration: Configuration }
  /** Time passes, though nothing else arrives. */
  | { readonly type: 'tick' }
