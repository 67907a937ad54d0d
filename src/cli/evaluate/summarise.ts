/** The result of a rule on the test part of a split. */
export interface Trial {
  readonly name: string
  readonly generations: number
  readonly tokens: number
  readonly probeTokens: number
  readonly fullTokens: number
  /** EM of the full runs minus EM served, in generations. */
  readonly emLost: number
  readonly isCertified: boolean
}

export type Summary = ReturnType<typeof summarise>[number]

/**
 * The result of each rule over the splits; ratios and drops are fractions and means over splits.
 * @param trials by split, then by rule; each split has the same rules
 */
export function summarise (trials: readonly Trial[][], maxEmDrop: number) {
  return (trials[0] ?? []).map(({ name }, rule) => {
    const own = trials.map((split) => split[rule]!)
    const drops = own.map(({ emLost, generations }) => emLost / generations)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    return {
      name,
      tokens_saved_ratio: mean(own.map((trial) => savedBy(trial, trial.tokens + trial.probeTokens))),
      tokens_saved_gross_ratio: mean(own.map((trial) => savedBy(trial, trial.tokens))),
      em_drop: mean(drops),
      worst_em_drop: Math.max(...drops),
      /** Number of splits whose EM drop was above the bound. */
      exceeded: drops.filter((drop) => drop > maxEmDrop + 1e-12).length,
      /** Number of splits with a certified threshold. */
      certified: own.filter(({ isCertified }) => isCertified).length,
      splits: own.length,
    }
  })
}

/** Share of the tokens of full runs that is saved if `spent` tokens are used. */
function savedBy ({ fullTokens }: Trial, spent: number): number {
  return fullTokens === 0 ? 0 : 1 - spent / fullTokens
}
