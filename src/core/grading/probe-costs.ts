/** What a worker says its probes cost, in decoded tokens. */
export interface ReportedCosts {
  readonly probe_tokens?: number
  readonly steps?: ReadonlyArray<{ readonly probe_tokens?: number }> | null
}

/** Tokens decoded for the probes of a generation, as its steps say; `undefined` where none of them does. */
export function probeTokensOfSteps (reported: ReportedCosts): number | undefined {
  const steps = reported.steps ?? []
  if (steps.every(({ probe_tokens: tokens }) => tokens === undefined)) return undefined
  return steps.reduce((sum, { probe_tokens: tokens = 0 }) => sum + tokens, 0)
}

/** The steps, each with `asked_tokens`: what the probes up to and with it cost in either arm; and the sum. Both absent: nothing. */
export interface CostedSteps<S> {
  readonly asked_tokens?: number
  readonly steps: ReadonlyArray<S & { readonly asked_tokens?: number }>
}

/**
 * Adds to each step what the probes up to and with it cost in either arm: as the steps say, else the outcome's total in equal parts.
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
