import { certifiedIndex } from './certificate.js'
import { evidenceOf, labelledRatio, meaningOf, sameMeaning, type ContextState } from './context-state.js'
import type { Levels } from './context.js'
import { emDrop, tokensSavedRatio, type Evidence } from './evidence.js'
import { GRID } from './grid.js'
import type { Label, Policy } from './policy.js'

/** A wish stated after looking at the counts must beat the level by this, which covers every wish one could have tried. */
const POST_HOC_FACTOR = 30

/** What the evidence promises at the threshold in force; it speaks of this context's labelled traffic. */
export interface Guarantee {
  readonly max_em_drop: number
  readonly error_level: number
  /** The wish was changed after evidence came in, so the bar was raised thirtyfold. */
  readonly post_hoc: boolean
  readonly label: Label
  readonly labelled_ratio: number
  readonly generations: number
  readonly em_drop: number
  readonly tokens_saved_ratio: number
  readonly epoch: number
}

/** What a context's own evidence says under a policy. */
export interface Judgement {
  /** Grid index of the certified threshold, -1 for none. */
  readonly index: number
  readonly guarantee: Guarantee | null
}

export const NO_JUDGEMENT: Judgement = { index: -1, guarantee: null }

/** Whether the policy's wish was stated after the epoch's evidence began to come in. */
export function isPostHoc (state: ContextState, policy: Policy): boolean {
  return state.wish.max_em_drop !== policy.max_em_drop || state.wish.error_level !== policy.error_level
}

/** ln of what E must reach. */
export function logBar (state: ContextState, policy: Policy): number {
  return Math.log((isPostHoc(state, policy) ? POST_HOC_FACTOR : 1) / policy.error_level)
}

/** Whether the state's evidence means what the policy asks about; if not, a new epoch is due and nothing is certified. */
export function isCurrent (state: ContextState, policy: Policy, levels: Levels): boolean {
  return sameMeaning(state.meaning, meaningOf(policy, levels))
}

/** What a context's evidence certifies at this moment. */
export function weigh (state: ContextState, policy: Policy, levels: Levels): Judgement {
  if (!isCurrent(state, policy, levels)) return NO_JUDGEMENT
  const evidence = evidenceOf(state)
  const index = certifiedIndex(evidence, policy.max_em_drop, logBar(state, policy))
  return index === -1 ? NO_JUDGEMENT : { index, guarantee: guaranteeOf(state, policy, evidence, index) }
}

/** The same with the guarantee as the learner froze it, unless a policy it has not folded yet says otherwise. */
export function judge (state: ContextState | undefined, policy: Policy, levels: Levels): Judgement {
  if (state === undefined) return NO_JUDGEMENT
  const { index, guarantee } = weigh(state, policy, levels)
  return { index, guarantee: index === state.threshold_index && isSamePromise(state.guarantee, guarantee) ? state.guarantee : guarantee }
}

/** The guarantee to show: the last one until it promises something else, or its evidence has grown by a tenth or lost an old half. */
export function freezeGuarantee (last: Guarantee | null, now: Guarantee | null): Guarantee | null {
  if (last === null || now === null || !isSamePromise(last, now)) return now
  return now.generations >= 1.1 * last.generations || now.generations < last.generations ? now : last
}

function isSamePromise (a: Guarantee | null, b: Guarantee | null): boolean {
  return a !== null && b !== null && a.epoch === b.epoch && a.max_em_drop === b.max_em_drop && a.error_level === b.error_level &&
    a.post_hoc === b.post_hoc
}

function guaranteeOf (state: ContextState, policy: Policy, evidence: Evidence, index: number): Guarantee {
  return {
    max_em_drop: policy.max_em_drop,
    error_level: policy.error_level,
    post_hoc: isPostHoc(state, policy),
    label: policy.label,
    labelled_ratio: labelledRatio(state),
    generations: evidence.generations,
    em_drop: emDrop(evidence, index),
    tokens_saved_ratio: tokensSavedRatio(evidence, index),
    epoch: state.epoch,
  }
}

/** The threshold at a grid index, `null` for -1. */
export function thresholdAt (index: number): number | null {
  return index === -1 ? null : GRID[index]!
}
