import { isWithin } from '../policy/context.js'
import type { ContextState, Expected } from '../judgement/context-state.js'
import type { ContextView } from '../views/describe.js'
import type { Opening } from './run.js'

/** How far generation may be stopped early at a checkpoint, by what its own epoch has shown. */
export interface Advice {
  readonly context: string
  readonly advice: 'stop_early' | 'run_in_full'
  /**
   * certified: own evidence allows the threshold; little_evidence: it does not yet, or no longer; not_started: nothing was reported of this
   * checkpoint, or the learner has not come to it; superseded: another checkpoint is served there; reset: the context was reset since, and
   * what it serves is not known.
   */
  readonly reason: 'certified' | 'little_evidence' | Absence
  readonly epoch: number | null
  readonly threshold: number | null
  readonly tokens_saved_ratio: number
  readonly em_drop: number | null
  readonly em_drop_low: number | null
  readonly em_drop_high: number | null
  /** Control generations of this checkpoint, and how many more until a threshold (or the next one) is certified. */
  readonly generations: number
  readonly generations_to_next_certificate: number | null
  /** What the checkpoint before had certified: a starting expectation, by which nothing is decided. */
  readonly expected: Expected & { readonly run: string | null } | null
}

/** Why there is nothing to say. */
type Absence = 'not_started' | 'superseded' | 'reset'

/** Of a context, which checkpoint it serves. */
export type Named = Pick<ContextState, 'checkpoint'>

/** A checkpoint of a run, and where it is served. */
export interface Served extends Opening { readonly run: string }

/**
 * @param all checkpoints that are served, of this run and of others
 * @param seen the context's state, and how it is described; absent: nothing was reported there
 * @param below contexts below it, whose evidence is in its own
 */
export function adviceOf (
  served: Served, key: string, all: readonly Served[], seen?: { state: ContextState, view: ContextView },
  below: readonly Named[] = []
): Advice {
  const nothing = {
    context: key,
    epoch: null,
    threshold: null,
    tokens_saved_ratio: 0,
    em_drop: null,
    em_drop_low: null,
    em_drop_high: null,
    generations: 0,
    generations_to_next_certificate: null,
    expected: null,
  }
  const absence = absenceOf(served, key, all, seen?.state) ?? mixtureOf(served, key, all, below)
  if (seen === undefined || absence !== null) return { ...nothing, advice: 'run_in_full', reason: absence ?? 'not_started' }
  const { state, view } = seen
  const isCertified = view.status === 'certified' && view.scope === 'own' && view.guarantee !== null // a pin promises nothing
  return {
    context: key,
    advice: isCertified ? 'stop_early' : 'run_in_full',
    reason: isCertified ? 'certified' : 'little_evidence',
    epoch: view.epoch,
    threshold: isCertified ? view.threshold : null,
    tokens_saved_ratio: view.tokens_saved_ratio ?? 0,
    em_drop: view.em_drop,
    em_drop_low: view.em_drop_low,
    em_drop_high: view.em_drop_high,
    generations: view.control_generations,
    generations_to_next_certificate: view.generations_to_next_certificate,
    expected: state.checkpoint?.expected ? { run: null, ...state.checkpoint.expected } : null,
  }
}

/**
 * `null`: the evidence is of this very checkpoint. A context that came up after it was reported bears no checkpoint's name yet: what is
 * gathered there is of the last one that was reported for it, of whatever run.
 */
function absenceOf ({ run, step, at }: Served, key: string, all: readonly Served[], state: ContextState | undefined): Absence | null {
  if (state?.checkpoint === null) return 'reset'
  if (state?.checkpoint !== undefined) {
    if (state.checkpoint.run !== run) return 'superseded'
    return state.checkpoint.step === step ? null : 'not_started'
  }
  const isOther = (one: Served) => (one.run !== run || one.step !== step) && isWithin(key, one.key)
  if (all.some((one) => isOther(one) && one.at >= at)) return 'superseded'
  return state !== undefined && state.epoch_started_at >= at ? null : 'not_started'
}

/**
 * Where a context below serves something else, or what is not known, so does a part of this one. One that came up since bears no name yet,
 * but whoever was named there last is known.
 */
function mixtureOf ({ run, step, at }: Served, key: string, all: readonly Served[], below: readonly Named[]): Absence | null {
  if (below.some(({ checkpoint }) => checkpoint === null)) return 'reset'
  const isOther = (one: { readonly run: string, readonly step: number }) => one.run !== run || one.step !== step
  if (all.some((one) => one.key !== key && isWithin(one.key, key) && isOther(one) && one.at >= at)) return 'superseded'
  return below.some(({ checkpoint }) => checkpoint != null && isOther(checkpoint)) ? 'superseded' : null
}
