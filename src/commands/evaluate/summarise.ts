/** What a rule came to on the test part of one split. */
export interface Trial {
  readonly name: string
  readonly generations: number
  readonly tokens: number
  readonly fullTokens: number
  /** EM of the full runs less EM served, in generations. */
  readonly emLost: number
  readonly isCertified: boolean
}

/** What a rule came to over the splits; ratios and drops are fractions, means over splits. */
export interface Summary {
  readonly name: string
  readonly tokens_saved_ratio: number
  readonly em_drop: number
  readonly worst_em_drop: number
  /** Splits whose EM drop on unseen groups was above the bound. */
  readonly exceeded: number
  /** Splits in which it had a certified threshold. */
  readonly certified: number
  readonly splits: number
}

/** @param trials by split, then by rule: the same rules in each */
export function summarise (trials: readonly Trial[][], maxEmDrop: number): Summary[] {
  return (trials[0] ?? []).map(({ name }, rule) => {
    const own = trials.map((split) => split[rule]!)
    const drops = own.map(({ emLost, generations }) => emLost / generations)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    return {
      name,
      tokens_saved_ratio: mean(own.map(({ tokens, fullTokens }) => fullTokens === 0 ? 0 : 1 - tokens / fullTokens)),
      em_drop: mean(drops),
      worst_em_drop: Math.max(...drops),
      exceeded: drops.filter((drop) => drop > maxEmDrop + 1e-12).length,
      certified: own.filter(({ isCertified }) => isCertified).length,
      splits: own.length,
    }
  })
}
