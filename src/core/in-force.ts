import { controlShare } from './arm.js'
import type { ContextState } from './context-state.js'
import { thresholdAt, type Guarantee, type Judgement } from './judge.js'
import type { Policy } from './policy.js'

/** An operator's own threshold for a context, `null` for "never stop". It has no guarantee. */
export interface Pin {
  readonly threshold: number | null
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

/** One link of a context chain, as far as its threshold goes. */
export interface Standing {
  readonly key: string
  readonly policy: Policy
  readonly pin: Pin | undefined
  /** Grid index its own evidence certifies, -1 for none. */
  readonly index: number
  /** Of the tokens, what that threshold saves; 0 without one. */
  readonly savedRatio: number
  /** It drifted or was reset and has not been certified since. */
  readonly isRecovering: boolean
  readonly generations: number
  readonly guarantee: Guarantee | null
}

/** What stands at the end of a chain. */
export interface InForce {
  readonly threshold: number | null
  readonly scope: Scope
  /** The link the threshold came from; the leaf itself where there is none. */
  readonly source: Standing
  readonly isPinned: boolean
}

export function standingOf (
  key: string, policy: Policy, pin: Pin | undefined, state: ContextState | undefined, { index, guarantee }: Judgement): Standing {
  return {
    key,
    policy,
    pin,
    index,
    savedRatio: guarantee?.tokens_saved_ratio ?? (state === undefined || index === -1 ? 0 : savedRatioAt(state, index)),
    isRecovering: index === -1 && state?.is_recovering === true,
    generations: state?.generations ?? 0,
    guarantee,
  }
}

function savedRatioAt ({ halves: [a, b] }: ContextState, index: number): number {
  const full = a.full_tokens + b.full_tokens
  return full === 0 ? 0 : 1 - (a.tokens[index]! + b.tokens[index]!) / full
}

/**
 * The threshold in force for a leaf: its pin, else its own certificate, else, where its policy falls back and it is not
 * recovering, that of its nearest ancestor with either. An ancestor that is recovering or pinned to `null` ends the search.
 * @param chain root first, leaf last
 */
export function inForce (chain: readonly Standing[]): InForce {
  const leaf = chain.at(-1)!
  for (let depth = chain.length - 1; depth >= 0; depth--) {
    const link = chain[depth]!
    const threshold = link.pin !== undefined ? link.pin.threshold : thresholdAt(link.index)
    if (threshold !== null) return { threshold, scope: link === leaf ? 'own' : 'parent', source: link, isPinned: link.pin !== undefined }
    if (link.pin !== undefined || link.isRecovering || leaf.policy.fallback === 'continue') break
  }
  return { threshold: null, scope: 'none', source: leaf, isPinned: leaf.pin !== undefined }
}

/** The control share a leaf should have: 1 without a threshold; a pin, whose savings nobody certified, counts as saving it all. */
export function wantedShare (leaf: Standing, { threshold, source, isPinned }: InForce): number {
  if (threshold === null) return 1
  return controlShare(leaf.policy.control_rate, isPinned ? 1 : source.savedRatio, leaf.generations)
}
