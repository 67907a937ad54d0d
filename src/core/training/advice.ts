import type { ContextState } from '../learn/context-state.js'
import { isWithin } from '../policy/context.js'
import type { ContextView } from '../reports/context-report.js'
import type { ServedCheckpoint } from './run.js'

export type Advice = ReturnType<typeof adviceOf>

/** Why a context has no evidence of the checkpoint. */
type Absence = 'not_started' | 'superseded' | 'reset'

/** The checkpoint that a context serves. */
export type ContextCheckpoint = Pick<ContextState, 'checkpoint'>

/** The newest checkpoint of a run that serves a context, with its run. */
export interface RunCheckpoint extends ServedCheckpoint { readonly run: string }

/**
 * Advises whether generations of a checkpoint may be stopped early in a context that it serves, by the evidence of the checkpoint's own
 * epoch. Reasons: `certified`: its own evidence certifies the threshold; `little_evidence`: it does not, or no longer; `not_started`: no
 * generation of this checkpoint was reported, or the learner has not processed it yet; `superseded`: the context serves another checkpoint;
 * `reset`: the context was reset since, so its checkpoint is unknown. `expected` is the certificate of the previous checkpoint: only an
 * expectation, on which no decision depends.
 * @param served the checkpoint
 * @param key the context
 * @param all served checkpoints of all runs
 * @param seen state and view of the context; absent if nothing was reported there
 * @param below the contexts below it, whose evidence is included in its own
 */
export function adviceOf (
  served: RunCheckpoint, key: string, all: readonly RunCheckpoint[], seen?: { state: ContextState, view: ContextView },
  below: readonly ContextCheckpoint[] = []
) {
  const absence = absenceOf(served, key, all, seen?.state) ?? mixtureOf(served, key, all, below)
  const own = absence === null ? seen : undefined
  const view = own?.view
  const isCertified = view?.status === 'certified' && view.pool === null && view.guarantee !== null // A pin carries no guarantee.
  const expected = own?.state.checkpoint?.expected
  return {
    context: key,
    advice: isCertified ? 'stop_early' as const : 'run_in_full' as const,
    reason: own === undefined ? absence ?? 'not_started' as const : isCertified ? 'certified' as const : 'little_evidence' as const,
    epoch: view?.epoch ?? null,
    threshold: isCertified ? view.threshold : null,
    tokens_saved_ratio: view?.tokens.saved_ratio ?? 0,
    em_drop: view?.em.drop ?? null,
    em_drop_low: view?.em.interval?.[0] ?? null,
    em_drop_high: view?.em.interval?.[1] ?? null,
    generations: view?.generations.control ?? 0,
    generations_to_next_certificate: view?.evidence.next_certificate_in ?? null,
    expected: expected ? { run: null, ...expected } : null,
  }
}

/**
 * `null` if the context's own evidence is about this checkpoint. A context created after the report does not name a checkpoint: its
 * evidence is about the checkpoint that was reported for it last, of any run.
 */
function absenceOf (
  { run, step, at }: RunCheckpoint, key: string, all: readonly RunCheckpoint[], state: ContextState | undefined): Absence | null {
  if (state?.checkpoint === null) return 'reset'
  if (state?.checkpoint !== undefined) {
    if (state.checkpoint.run !== run) return 'superseded'
    return state.checkpoint.step === step ? null : 'not_started'
  }
  const isOther = (one: RunCheckpoint) => (one.run !== run || one.step !== step) && isWithin(key, one.key)
  if (all.some((one) => isOther(one) && one.at >= at)) return 'superseded'
  return state !== undefined && state.epoch.started_at >= at ? null : 'not_started'
}

/**
 * `null` if all contexts below serve this checkpoint as well. A context that was created since does not name a checkpoint, but the
 * checkpoint reported for it last is known.
 */
function mixtureOf (
  { run, step, at }: RunCheckpoint, key: string, all: readonly RunCheckpoint[], below: readonly ContextCheckpoint[]): Absence | null {
  if (below.some(({ checkpoint }) => checkpoint === null)) return 'reset'
  const isOther = (one: { readonly run: string, readonly step: number }) => one.run !== run || one.step !== step
  if (all.some((one) => one.key !== key && isWithin(one.key, key) && isOther(one) && one.at >= at)) return 'superseded'
  return below.some(({ checkpoint }) => checkpoint != null && isOther(checkpoint)) ? 'superseded' : null
}
