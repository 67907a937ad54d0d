import { controlShare } from '../assignment/arm.js'
import type { ChainLink } from './chain-link.js'

/** Whether a threshold is the context's own, a parent's, or none. */
export type Scope = 'own' | 'parent' | 'none'

/** The threshold that takes effect at the end of a chain. */
export interface EffectiveThreshold {
  readonly threshold: number | null
  /** Name of the predictor whose score the threshold is for; `null`: the raw confidence. */
  readonly scorer: string | null
  readonly scope: Scope
  /** The link that the threshold came from; the leaf itself where there is none. */
  readonly source: ChainLink
  readonly isPinned: boolean
}

/** Whether the leaf's threshold does not depend on its ancestors, which is the usual case and spares the learner reading them. */
export function decidesAlone ({ threshold, pin, isRecovering, policy }: ChainLink): boolean {
  return threshold !== null || pin !== undefined || isRecovering || policy.fallback === 'continue'
}

/**
 * The threshold in force for a leaf: its pin, else its own certificate. Where its policy falls back and it is not recovering, it may be
 * the pin or certificate of the nearest ancestor that has one; an ancestor that is recovering or pinned to `null` ends the search.
 * @param chain root first, leaf last
 */
export function effectiveThreshold (chain: readonly ChainLink[]): EffectiveThreshold {
  const leaf = chain.at(-1)!
  for (let depth = chain.length - 1; depth >= 0; depth--) {
    const link = chain[depth]!
    const { threshold, scorer = null } = link.pin ?? link
    if (threshold !== null) return { threshold, scorer, scope: link === leaf ? 'own' : 'parent', source: link, isPinned: link.pin !== undefined }
    if (link.pin !== undefined || link.isRecovering || leaf.policy.fallback === 'continue') break
  }
  return { threshold: null, scorer: null, scope: 'none', source: leaf, isPinned: leaf.pin !== undefined }
}

/** The control share that a leaf should have: 1 without a threshold. A pin counts as saving everything, as its savings are not measured. */
export function controlShareFor (leaf: ChainLink, { threshold, source, isPinned }: EffectiveThreshold): number {
  if (threshold === null) return 1
  return controlShare(leaf.policy.control_rate, isPinned ? 1 : source.savedRatio, leaf.generations)
}

/** The control share in force for a leaf: the learner moves an `auto` share in steps, and until the next step its last one holds. */
export function controlShareInForce (leaf: ChainLink, effective: EffectiveThreshold): number {
  const wanted = controlShareFor(leaf, effective)
  return leaf.policy.control_rate === 'auto' && effective.threshold !== null ? leaf.learnedControlShare ?? wanted : wanted
}
