import { murmur3 } from '../decide/hash.js'
import type { Policy } from '../policy/policy.js'
import type { EvidenceUnit } from './evidence.js'

/**
 * The test where a judge gives the labels, and an audit has limited its errors. The judge calls at least the part 1 - m of the real losses
 * lost (m: `judge_miss_rate`), and a gain that it calls is worth at least g on average (g: `judge_gain_share`). So the true drop is at most
 * the mean of d' = 1 / (1 - m) for a judged loss, 0 for a tie and -g for a judged gain, and the test is about d' at tolerance a. Multiplied
 * by 1 - m, differences are in [-1, 1] again. So gains become evidence at the part (1 - m) g of their size, and everything that watches the
 * evidence compares it with the tolerance (1 - m) a.
 */
export type JudgePolicy = Pick<Policy, 'judge_miss_rate' | 'judge_gain_share'>

/** The tolerance that evidence is compared with. */
export function testedBound ({ max_em_drop: a, judge_miss_rate: missRate }: Pick<Policy, 'max_em_drop' | 'judge_miss_rate'>): number {
  return a * lossScale(missRate)
}

/** An upper estimate of the true EM drop from the mean difference of evidence. */
export function trueDrop (mean: number, { judge_miss_rate: missRate }: Pick<Policy, 'judge_miss_rate'>): number {
  return Math.max(-1, Math.min(1, mean / lossScale(missRate)))
}

/** The unit of one sample with its gains at their audited worth. @param u of its draw, by which it is rounded; `null`: towards no gain */
export function withAuditedGains (unit: EvidenceUnit, policy: JudgePolicy, u: number | null): EvidenceUnit {
  const { eighths } = unit
  if (policy.judge_miss_rate === null || eighths.every((d) => d >= 0)) return unit
  return { ...unit, eighths: auditedGains(eighths, policy, u === null ? 0 : murmur3(`gain:${u}`) / 0x1_0000_0000) }
}

/**
 * The differences of one sample with its gains at their audited worth, in whole eighths. Samples are corrected before they are averaged in
 * groups: otherwise a gain that is worth less would make up in full for a loss in the same mean.
 * @param rounding a draw in [0, 1), which keeps the mean of a gain; 0 rounds towards no gain
 */
export function auditedGains (eighths: readonly number[], policy: JudgePolicy, rounding: number): number[] {
  const { judge_miss_rate: missRate, judge_gain_share: gainShare } = policy
  const scale = missRate === null ? 1 : lossScale(missRate) * gainShare
  return eighths.map((d) => d < 0 ? 0 - Math.floor(-d * scale + rounding) : d)
}

/** The part of the real losses that is seen in the evidence; without an audit all count as seen. */
export function lossScale (missRate: number | null): number { return 1 - (missRate ?? 0) }
