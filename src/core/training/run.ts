import type { Checkpoint } from './checkpoint.js'

/** A stored report. */
export interface Attempt {
  readonly checkpoint: Checkpoint
  /** ms. */
  readonly received_at: number
}

/** All reports of one step on one suite. */
export interface SeriesPoint {
  readonly step: number
  /** Oldest first; several if the step was reported with differing figures. The last one counts. */
  readonly attempts: readonly Attempt[]
}

/** All reports on one suite, by step. */
export interface Series {
  readonly suite: string
  readonly points: readonly SeriesPoint[]
  /** The highest step that was dropped to make room; `null`: none was. */
  readonly forgotten_through: number | null
}

/** The newest checkpoint of a suite, for lists and metrics. */
export interface SuiteSummary {
  readonly suite: string
  /** Number of stored steps. */
  readonly steps: number
  /** Number of stored steps that were reported again with other figures under the same threshold. */
  readonly replayed: number
  readonly step: number
  readonly em: number
  readonly tokens_mean: number
  readonly verdicts: readonly VerdictName[]
}

/** The newest checkpoint of a run that serves a context. */
export interface ServedCheckpoint {
  /** Context key. */
  readonly key: string
  readonly step: number
  /** When it was first reported, ms. */
  readonly at: number
}

/** A run without its series. */
export interface TrainingRun {
  readonly name: string
  /** Increases with every write. */
  readonly revision: number
  readonly created_at: number
  readonly updated_at: number
  readonly suites: readonly SuiteSummary[]
  readonly contexts: readonly ServedCheckpoint[]
}

/** The verdicts on the newest checkpoints of a suite, and the test behind each. */
export const VERDICTS = {
  overthinking: 'EM falls while tokens rise: over the last 6, 9 or 14 checkpoints the slope of EM is below 0 and that of tokens above 0, at a joint level of 0.05 for the three windows (Sen 1968, Bonferroni)',
  tokens_collapsed: 'Good news: the last two checkpoints use at least a fifth fewer tokens than the three before the fall began, and EM has fallen neither measurably nor by more than max_em_drop. Requires that a fall by twice max_em_drop would have been visible (level 0.05)',
  length_hacking: 'The last two checkpoints use at least a fifth fewer tokens than the three before the fall began, and EM has fallen as well: z below -2.33, one-sided level 0.01',
  truncation: 'The share of responses cut off at the token limit (lower end of Wilson\'s 90 % interval) exceeds both max_em_drop and the EM lost since the best level. A larger token limit may help',
  same_level: 'EM equals that of the previous checkpoint, within 0.3 points and within the standard error of the difference',
  plateau: 'Further training of this suite gains nothing measurable. Over the last 8 to 12 checkpoints the slope of EM may be 0 (level 0.05). Both the gain at the slope\'s upper end and the EM lost since the best level are below 5 points and below 1.96 standard errors of a difference between two evaluations. Tokens are not falling, nor rising while EM may fall, and no other verdict says that EM is falling or limited by truncation',
  costly_shortening: 'Tokens are falling and EM with them (last 9 checkpoints; levels 0.05 for tokens and 0.02 for EM per token). The next cut in tokens is predicted to leave EM more than max_em_drop below its best level',
} as const

export type VerdictName = keyof typeof VERDICTS

export interface Verdict {
  readonly verdict: VerdictName
  /** The measurements behind it. EM and rates are fractions, slopes are per step. */
  readonly figures: Readonly<Record<string, number>>
}

/** The loss of EM that the policy of a suite's context allows. */
export interface Tolerance {
  /** The largest acceptable fall of EM, a fraction. */
  readonly max_em_drop: number
}
