import type { ContextState, Expected } from '../context-state.js'
import type { ContextView } from '../describe.js'
import type { Opening } from './run.js'

/** How far generation may be stopped early at a checkpoint, by what its own epoch has shown. */
export interface Advice {
  readonly context: string
  readonly advice: 'stop_early' | 'run_in_full'
  /**
   * certified: own evidence allows the threshold; little_evidence: it does not yet, or no longer; not_started: nothing was reported of this
   * checkpoint, or the learner has not come to it; superseded: another run's checkpoint is served there.
   */
  readonly reason: 'certified' | 'little_evidence' | 'not_started' | 'superseded'
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
  readonly expected: Expected | null
}

/** @param seen the context's state, and how it is described; absent: nothing was reported there */
export function adviceOf (run: string, opening: Opening, key: string, seen?: { state: ContextState, view: ContextView }): Advice {
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
  const standing = standingOf(run, opening, seen?.state)
  if (seen === undefined || standing !== 'current') {
    return { ...nothing, advice: 'run_in_full', reason: standing === 'superseded' ? 'superseded' : 'not_started' }
  }
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
    expected: state.checkpoint?.expected ?? null,
  }
}

/** A context that came up after the checkpoint was reported counts this one's generations from its start. */
function standingOf (run: string, { step, at }: Opening, state: ContextState | undefined): 'current' | 'superseded' | 'not_started' {
  if (state?.checkpoint === undefined) return state !== undefined && state.epoch_started_at >= at ? 'current' : 'not_started'
  if (state.checkpoint.run !== run) return 'superseded'
  return state.checkpoint.step === step ? 'current' : 'not_started'
}
