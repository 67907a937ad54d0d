import { GRID } from './grid.js'

/** 1 right, 0 wrong. */
export type Em = 0 | 1

/** One step of a control generation as the evidence sees it: `em` is absent where no answer was probed. */
export interface TraceStep {
  readonly tokens: number
  readonly score: number | null
  readonly em?: Em | undefined
  /** Whether the answer probed here equals the final one, and so is as right as that; absent where nothing was probed or compared. */
  readonly agrees?: boolean | undefined
  /** Tokens decoded for probes in either arm, up to and with this step; absent: none. */
  readonly probeTokens?: number | undefined
}

/** A control generation that ran in full. `isComplete` is false where steps that were asked are missing from `steps`. */
export interface Trace {
  readonly tokens: number
  readonly answerTokens: number
  /** `null`: unknown, which counts as the worst case: the full answer right, the answer of every stop wrong. */
  readonly em: Em | null
  readonly steps: readonly TraceStep[]
  readonly isComplete: boolean
  /** Tokens decoded for its probes in either arm where it is not stopped; absent: none. */
  readonly probeTokens?: number | undefined
}

/** What stopping at one threshold would have done to one generation. `probeTokens` are those of the probes made until then. */
export interface Stop { readonly delta: -1 | 0 | 1, readonly tokens: number, readonly probeTokens: number, readonly isUnprobed: boolean }

/**
 * What stopping at each threshold would have done to one generation: at threshold k it would have stopped at the first step with enough
 * tokens and `score >= grid[k]`. Where no step crosses, it is kept at full length, or counts as the worst case if the trace is incomplete.
 * Where the crossing step was not probed, its answer counts as wrong.
 * @param minTokens tokens before which nothing stops
 * @param grid thresholds for the score of the steps, safest first
 */
export function stopsOf (trace: Trace, minTokens: number, grid: readonly number[] = GRID): Stop[] {
  const stops: Stop[] = new Array(grid.length)
  let open = grid.length - 1 // thresholds 0..open are not crossed yet; a score crosses the loosest ones first
  for (const step of trace.steps) {
    if (step.tokens < minTokens || step.score === null) continue
    if (open < 0 || step.score < grid[open]!) continue
    const stop: Stop = {
      delta: deltaAt(trace.em, step),
      tokens: Math.min(step.tokens + trace.answerTokens, trace.tokens),
      probeTokens: step.probeTokens ?? 0,
      isUnprobed: step.em === undefined && step.agrees === undefined,
    }
    while (open >= 0 && step.score >= grid[open]!) stops[open--] = stop
  }
  const ran: Stop = {
    delta: trace.isComplete ? 0 : trace.em ?? 1, tokens: trace.tokens, probeTokens: trace.probeTokens ?? 0, isUnprobed: !trace.isComplete,
  }
  while (open >= 0) stops[open--] = ran
  return stops
}

/** @param full EM of the full run, `null` where it is not known and counts as the worst case */
function deltaAt (full: Em | null, { em, agrees }: TraceStep): Stop['delta'] {
  if (em === undefined && agrees === true) return 0
  return (full === null ? 1 : full - (em ?? 0)) as Stop['delta']
}
