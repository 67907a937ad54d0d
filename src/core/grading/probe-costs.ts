/** Costs of probes as a worker reports them, in decoded tokens. */
export interface ReportedCosts {
  readonly probe_tokens?: number
  readonly steps?: ReadonlyArray<{ readonly probe_tokens?: number }> | null
}

/** Tokens decoded for the probes of a generation, summed over its steps; `undefined` if no step states a cost. */
export function probeTokensOfSteps (reported: ReportedCosts): number | undefined {
  const steps = reported.steps ?? []
  if (steps.every(({ probe_tokens: tokens }) => tokens === undefined)) return undefined
  return steps.reduce((sum, { probe_tokens: tokens = 0 }) => sum + tokens, 0)
}

/** Steps with the cumulative cost of their probes in either arm (`asked_tokens`), and the total; absent: the probes cost nothing. */
export interface CostedSteps<S> {
  readonly asked_tokens?: number
  readonly steps: ReadonlyArray<S & { readonly asked_tokens?: number }>
}

/**
 * Adds to each step the cumulative cost of the probes up to it: the costs of the steps, or else the total of the outcome in equal parts.
 * @param steps all steps that were asked, in order
 */
export function withProbeCosts<S extends object> (reported: ReportedCosts, steps: readonly S[]): CostedSteps<S> {
  const own = probeTokensOfSteps(reported)
  const total = own ?? reported.probe_tokens ?? 0
  if (total === 0) return { steps }
  let sum = 0
  return {
    asked_tokens: total,
    steps: steps.map((step, i) => {
      sum = own === undefined ? Math.round(total * (i + 1) / steps.length) : sum + (reported.steps?.[i]?.probe_tokens ?? 0)
      return { ...step, asked_tokens: sum }
    }),
  }
}
