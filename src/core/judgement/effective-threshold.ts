import { controlShare } from '../assignment/arm.js'
import type { ContextState } from './context-state.js'
import { halvesInForce } from './candidate-scorer.js'
import type { Judgement } from './judge.js'
import type { Policy } from '../policy/policy.js'
import { predictorBy } from '../predictor/fingerprint.js'
import type { LivePredictors } from '../predictor/predictor-version.js'

/** An operator's own threshold for a context, `null` for "never stop". It has no guarantee. */
export interface Pin {
  readonly threshold: number | null
  /** The predictor whose score it is compared with; absent: the raw confidence. */
  readonly scorer?: string
  /** Which of that name. */
  readonly scorer_fingerprint?: string
  readonly reason: string
  /** Name of the token it was set with. */
  readonly by: string
  /** When it ends by itself, ms; `null`: never. */
  readonly expires_at: number | null
  /** The version whose thresholds it brought back, where a rollback set it. */
  readonly rollback?: number
}

/** Whether a pin is still in force, ms. */
export function isLive ({ expires_at: end }: Pin, now: number): boolean {
  return end === null || now < end
}

/** The pins that are in force; the same map where none has expired. */
export function livePins (pins: ReadonlyMap<string, Pin>, now: number): ReadonlyMap<string, Pin> {
  const live = [...pins].filter(([, pin]) => isLive(pin, now))
  return live.length === pins.size ? pins : new Map(live)
}

export type Scope = 'own' | 'parent' | 'none'

/** One link of a context chain, as far as its threshold goes: its own judgement, and what else counts. */
export interface ChainLink extends Judgement {
  readonly key: string
  readonly policy: Policy
  readonly pin: Pin | undefined
  /** Of the tokens, what that threshold saves; 0 without one. */
  readonly savedRatio: number
  /** It drifted or was reset and has not been certified since. */
  readonly isRecovering: boolean
  readonly generations: number
  /** Predictors on trial, by name. */
  readonly trials: readonly string[]
}

/** What stands at the end of a chain. */
export interface EffectiveThreshold {
  readonly threshold: number | null
  /** Whose score it is compared with: a predictor's, by name; `null`: the raw confidence. */
  readonly scorer: string | null
  readonly scope: Scope
  /** The link the threshold came from; the leaf itself where there is none. */
  readonly source: ChainLink
  readonly isPinned: boolean
}

const NO_TRIALS: readonly string[] = []

export function chainLink (
  key: string, policy: Policy, pin: Pin | undefined, state: ContextState | undefined, judgement: Judgement): ChainLink {
  const { scorer, index, threshold, guarantee } = judgement
  return {
    scorer,
    index,
    threshold,
    guarantee,
    key,
    policy,
    pin,
    savedRatio: guarantee?.tokens_saved_ratio ?? (state === undefined || index === -1 ? 0 : savedRatioAt(state, index)),
    isRecovering: index === -1 && state?.is_recovering === true,
    generations: state?.generations ?? 0,
    trials: state === undefined || state.trials.length === 0 ? NO_TRIALS : state.trials.map(({ predictor }) => predictor),
  }
}

/** Without merging the halves, which would be most of the work of a learner. */
function savedRatioAt (state: ContextState, index: number): number {
  const [a, b] = halvesInForce(state)
  const full = a.full_tokens + b.full_tokens
  return full === 0 ? 0 : 1 - (a.tokens[index]! + b.tokens[index]!) / full
}

/** A pin as it can be kept: of a predictor that is gone no score is to be had any more, and doubt means continue. */
export function pinUnder (predictors: LivePredictors, pin: Pin | undefined): Pin | undefined {
  if (pin?.scorer === undefined) return pin
  const { scorer: name, scorer_fingerprint: fingerprint, ...rest } = pin
  if (predictorBy(predictors, { name, fingerprint }) !== undefined) return pin
  return { ...rest, threshold: null }
}

/** Whether nothing above it counts for a leaf: mostly so, and a learner asks three times an outcome. */
export function decidesAlone ({ threshold, pin, isRecovering, policy }: ChainLink): boolean {
  return threshold !== null || pin !== undefined || isRecovering || policy.fallback === 'continue'
}

/**
 * The threshold in force for a leaf: its pin, else its own certificate, else, where its policy falls back and it is not
 * recovering, that of its nearest ancestor with either. An ancestor that is recovering or pinned to `null` ends the search.
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

/** The control share a leaf should have: 1 without a threshold; a pin, whose savings nobody certified, counts as saving it all. */
export function controlShareFor (leaf: ChainLink, { threshold, source, isPinned }: EffectiveThreshold): number {
  if (threshold === null) return 1
  return controlShare(leaf.policy.control_rate, isPinned ? 1 : source.savedRatio, leaf.generations)
}
