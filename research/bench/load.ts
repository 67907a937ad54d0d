/** How much is measured. `tiny` only shows that every figure can be measured. */
export interface Load {
  readonly rounds: number
  /** Duration of a measurement, ms. */
  readonly windowMs: number
  /** Duration of the warm-up of each server, ms. V8 goes on compiling the service for some seconds, since it has more code than an echo. */
  readonly warmUpMs: number
  readonly contexts: readonly number[]
  readonly coreDecisions: number
  /** That the learner finds in the log: more than a few commits of them, since the first read and the last commit run beside nothing. */
  readonly outcomes: number
  readonly changes: number
  readonly steadyDecisions: number
  /** Most streams at once through the proxy, and tokens of each. */
  readonly streams: number
  readonly streamTokens: number
}

export const LOADS: Readonly<Record<'full' | 'quick' | 'tiny', Load>> = {
  full: {
    rounds: 7,
    windowMs: 1000,
    warmUpMs: 6000,
    contexts: [10, 1000, 10_000],
    coreDecisions: 1_000_000,
    outcomes: 60_000,
    changes: 200,
    steadyDecisions: 10_000_000,
    streams: 1000,
    streamTokens: 450,
  },
  quick: {
    rounds: 3,
    windowMs: 300,
    warmUpMs: 1500,
    contexts: [10, 1000, 10_000],
    coreDecisions: 200_000,
    outcomes: 20_000,
    changes: 50,
    steadyDecisions: 1_000_000,
    streams: 1000,
    streamTokens: 300,
  },
  tiny: {
    rounds: 1,
    windowMs: 50,
    warmUpMs: 50,
    contexts: [10, 20, 40],
    coreDecisions: 2000,
    outcomes: 300,
    changes: 3,
    steadyDecisions: 20_000,
    streams: 10,
    streamTokens: 20,
  },
}
