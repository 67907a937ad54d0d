import type { ServedDifference } from '../outcome/observed-stop.js'
import type { Em } from '../decide/step.js'
import type { Pin } from '../policy/pin.js'
import type { ProbeForm, ProbeFormFinding } from '../decide/probe-form.js'
import type { EnrolmentList } from '../evidence/enrolment-list.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import type { Levels } from '../policy/context.js'
import type { PolicyPatch } from '../policy/policy.js'
import type { PredictorVersion } from '../scores/predictor-version.js'
import type { EndedEpoch } from '../stats/error-budget.js'

/** The configuration of a learner. A change reaches the learned state through the log like any other entry. */
export interface Configuration {
  readonly levels: Levels
  readonly defaults: PolicyPatch
  readonly max_contexts: number
}

/** A label that came after its outcome; answers by their digests. */
export interface LabelEntry {
  readonly type: 'label'
  readonly generation_id: string
  readonly em?: Em
  readonly answer?: string
  readonly references?: readonly string[]
  /** EM of the answer that was probed where the generation was stopped. */
  readonly stopped_probe_em?: Em
  /** EM of the steps in the outcome's order, `null` where not known. */
  readonly steps?: ReadonlyArray<Em | null>
  /** What stopping at each step would have lost, in eighths from -8 to 8, `null` where the label does not compare its answer. */
  readonly differences?: ReadonlyArray<number | null>
  /** EM of the probed answer less EM of the served one, where the label compares the two. */
  readonly stopped_probe_difference?: ServedDifference
  /** Name of the grader; absent: it gave none. */
  readonly source?: string
}

/** The name of the token that gave the command, and the reason. */
export interface Origin { readonly by: string, readonly reason?: string }

/** Stops whose outcomes a replica has refused since its last such entry: keys of the contexts that certify for them, and how many. */
export interface RefusedStops {
  readonly type: 'refused_stops'
  readonly stops: ReadonlyArray<readonly [key: string, count: number]>
}

/** A command of an operator. */
export type Command =
  | { readonly type: 'policy', readonly key: string, readonly policy: PolicyPatch | null } & Origin
  | { readonly type: 'pin', readonly key: string, readonly pin: Pin | null, readonly by: string, readonly reason: string }
  /** `below: false`: the contexts below are not reset. */
  | { readonly type: 'reset', readonly key: string, readonly below?: false, readonly by: string, readonly reason: string }

/** A new checkpoint of a training run is served in a context, and in those below it. */
export interface CheckpointEntry {
  readonly type: 'checkpoint'
  readonly key: string
  readonly run: string
  readonly step: number
  /** A step of training, which goes on with the epoch. */
  readonly continues?: true
  readonly by: string
}

/** A predictor is added or retired; `null`: a retired predictor is deleted. */
export interface PredictorEntry extends Origin {
  readonly type: 'predictor'
  readonly name: string
  readonly version: PredictorVersion | null
}

/** An operator has dealt with the loss of the store's contents, so the warnings end. */
export interface AcknowledgementEntry extends Required<Origin> { readonly type: 'acknowledgement' }

/** A worker has found how a model wants its answers to be forced, or states how it forces them, in a context that certifies. */
export interface ProbeFormEntry {
  readonly type: 'probe_form'
  readonly key: string
  readonly finding: ProbeFormFinding
  /** Name of the token that reported it. */
  readonly by: string
  /** The prefix that the token is bound to, if the context was unknown. */
  readonly prefix?: string
}

/** The state was imported: every context begins an epoch. */
export interface ImportEntry {
  readonly type: 'import'
  /** The epochs of the store that the import replaced, by context key. */
  readonly replaced: Readonly<Record<string, EndedEpoch>>
}

/** The part of a predictor entry that the audit trail keeps. */
export interface PredictorCommand extends Origin {
  readonly type: 'predictor'
  readonly name: string
  readonly action: 'added' | 'retired' | 'forgotten'
}

/** The part of a stated probe form that the audit trail keeps. */
export interface StatedFormCommand extends Origin {
  readonly type: 'probe_form'
  readonly key: string
  readonly form: ProbeForm
}

/** Replaces a damaged command of the audit trail. */
export interface UnreadableCommand {
  readonly type: 'unreadable'
  readonly by: string
  readonly reason: string
}

/** Everything that changes learned state, in one order. */
export type LogEntry =
  | EnrolmentList
  | LoggedOutcome
  | LabelEntry
  | RefusedStops
  | Command
  | CheckpointEntry
  | PredictorEntry
  | ProbeFormEntry
  | AcknowledgementEntry
  | ImportEntry
  | { readonly type: 'configuration', readonly configuration: Configuration }
  /** Replaces a damaged entry, and has no effect. */
  | { readonly type: 'unreadable' }
  /** Lets time pass when no other entry arrives. */
  | { readonly type: 'tick' }

export function signature ({ by, reason }: Origin): Origin {
  return { by, ...(reason !== undefined && { reason }) }
}
