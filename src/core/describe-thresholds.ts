import { certifiedIndex, emDropInterval, generationsToReach, logEvidence } from './certificate.js'
import type { Levels } from './context.js'
import { evidenceOf, type ContextState } from './context-state.js'
import { emDrop, tokensSavedRatio, type Evidence } from './evidence.js'
import { familyOf, type Family } from './family.js'
import { weigh } from './judge.js'
import type { Policy } from './policy.js'
import type { LivePredictors } from './predictor/predictor-version.js'

/** One threshold of the grid, as one context's evidence has it under a policy. Ratios and EM are fractions. */
export interface ThresholdRow {
  readonly threshold: number
  readonly lost: number
  readonly kept: number
  readonly gained: number
  readonly unprobed: number
  readonly em_drop: number
  /** Where the true EM drop is, at the level of the certificate. */
  readonly em_drop_low: number
  readonly em_drop_high: number
  readonly tokens_saved_ratio: number
  readonly log_evidence: number
  readonly certified: boolean
  /** More control generations until it is certified, at the rates seen; `null`: not foreseeable. */
  readonly generations_needed: number | null
}

/** Every threshold of a family, safest first. */
export function describeThresholds ({ evidence, grid, bar }: Family, policy: Policy): ThresholdRow[] {
  const index = certifiedIndex(evidence, policy.max_em_drop, bar)
  let needed: number | null = 0
  return grid.map((threshold, k) => {
    const lost = evidence.lost[k]!
    const gained = evidence.gained[k]!
    const kept = evidence.generations - lost - gained
    const { low, high } = emDropInterval(evidence.generations, lost, gained, Math.exp(-bar))
    const more = generationsUntil(evidence, k, policy, bar)
    needed = needed === null || more === null ? null : Math.max(needed, more) // every safer one has to pass as well
    return {
      threshold,
      lost,
      kept,
      gained,
      unprobed: evidence.unprobed[k]!,
      em_drop: emDrop(evidence, k),
      em_drop_low: low,
      em_drop_high: high,
      tokens_saved_ratio: tokensSavedRatio(evidence, k),
      log_evidence: logEvidence(policy.max_em_drop, lost, kept, gained),
      certified: k <= index,
      generations_needed: needed,
    }
  })
}

/** More control generations until the test of threshold k passes, at the rates seen; `null` when they don't lead there within a window. */
export function generationsUntil (evidence: Evidence, k: number, policy: Policy, bar: number): number | null {
  const { max_em_drop: a, evidence_window: limit } = policy
  return generationsToReach(a, evidence.generations, evidence.lost[k]!, evidence.gained[k]!, bar, limit)
}

/** More control generations until the next threshold passes, at the rates seen; `null` at the grid's end or when they don't lead there. */
export function untilNext ({ evidence, grid, bar }: Family, policy: Policy): number | null {
  const next = certifiedIndex(evidence, policy.max_em_drop, bar) + 1
  return next === grid.length ? null : generationsUntil(evidence, next, policy, bar)
}

/** What the evidence at hand would certify under another wish. */
export interface WhatIf {
  readonly max_em_drop: number
  readonly error_level: number
  /** Another wish than the epoch began with was chosen after looking, so the bar is thirty times higher. */
  readonly post_hoc: boolean
  readonly threshold: number | null
  /** Whose score the thresholds are for: `confidence`, or a predictor, by name. */
  readonly score: string
  readonly em_drop: number | null
  readonly em_drop_low: number | null
  readonly em_drop_high: number | null
  readonly tokens_saved_ratio: number
  readonly generations: number
  /** More control generations until the next threshold would be certified. */
  readonly generations_to_next_certificate: number | null
  readonly thresholds: ThresholdRow[]
}

/** @param policy the context's own, with the other wish in it */
export function whatIf (state: ContextState, policy: Policy, levels: Levels, predictors: LivePredictors): WhatIf {
  const isUnseen = evidenceOf(state).generations === 0 // then any wish is as good as the first
  const asked = isUnseen ? { ...state, wish: policy } : state
  const { scorer, index, threshold } = weigh(asked, policy, levels, predictors)
  const family = familyOf(asked, policy, predictors, scorer)
  const thresholds = describeThresholds(family, policy)
  const row = thresholds[index]
  return {
    max_em_drop: policy.max_em_drop,
    error_level: policy.error_level,
    post_hoc: family.isPostHoc,
    threshold,
    score: scorer ?? 'confidence',
    em_drop: row?.em_drop ?? null,
    em_drop_low: row?.em_drop_low ?? null,
    em_drop_high: row?.em_drop_high ?? null,
    tokens_saved_ratio: row?.tokens_saved_ratio ?? 0,
    generations: family.evidence.generations,
    generations_to_next_certificate: thresholds.find(({ certified }) => !certified)?.generations_needed ?? null,
    thresholds,
  }
}
