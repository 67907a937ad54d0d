import type { Prices } from '../policy/allowed-price.js'

/** What may be said of a suite's newest checkpoints, and what each of these tests. */
export const VERDICTS = {
  overthinking: 'EM falls while tokens rise: both slopes are on their side of 0 over the last 6, 9 or 14 checkpoints, at a level of 0.05 over the three (Sen 1968, Bonferroni)',
  tokens_collapsed: 'The last two checkpoints use a fifth fewer tokens than the last three on end before they began to fall, and EM has not fallen measurably, nor by more than max_em_drop; where a fall of twice that could not have been seen (level 0.05), nothing is said (good)',
  length_hacking: 'The last two checkpoints use a fifth fewer tokens than the last three on end before they began to fall, and EM has fallen: z below -2.33, one-sided level 0.01',
  truncation: 'More responses are cut off at the token limit (lower end of Wilson\'s 90 % interval) than EM was lost since its best level, and than max_em_drop: a larger limit may be all that is missing',
  same_level: 'EM is that of the checkpoint before, within 0.3 points and within the standard error of the difference',
  plateau: 'Over the last 8 to 12 checkpoints the slope of EM may be 0 (level 0.05), and even at its upper end they gained less than two evaluations could tell apart (1.96 standard errors of a difference), and than 5 points, as little was lost since the best level, tokens are not falling, nor rising while EM may fall, and no other verdict says that EM is falling or cut off: further training of this suite buys nothing measurable',
  unfavourable: 'Tokens are falling and EM with them (slopes of both over the last 9, levels 0.05 and 0.02): the next cut is predicted to leave EM more than max_em_drop below its best level, or each percent of tokens to cost more EM than em_per_token_percent, absent that than its price in value_of_em',
} as const

export type VerdictName = keyof typeof VERDICTS

export interface Verdict {
  readonly verdict: VerdictName
  /** What it rests on: EM and rates are fractions, slopes are by step. */
  readonly figures: Readonly<Record<string, number>>
}

/** What the policy of a suite's context says of EM, fractions, and of what a percent of tokens may cost. */
export interface Tolerance extends Prices {
  /** That it may fall in all. */
  readonly max_em_drop: number
}
