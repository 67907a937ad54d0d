import { GRID } from './grid.js'

/** 1 right, 0 wrong. */
export type Em = 0 | 1

/** One step of a control generation; `em` is absent where no answer was probed. */
export interface TraceStep { readonly tokens: number, readonly score: number | null, readonly em?: Em | undefined }

/** A control generation that ran in full. `isComplete` is false where steps that were asked are missing from `steps`. */
export interface Trace {
  readonly tokens: number
  readonly answerTokens: number
  /** `null`: unknown, which counts as the worst case: the full answer right, the answer of every stop wrong. */
  readonly em: Em | null
  readonly steps: readonly TraceStep[]
  readonly isComplete: boolean
}

/** What stopping at one threshold would have done to one generation. */
export interface Stop { readonly delta: -1 | 0 | 1, readonly tokens: number, readonly isUnprobed: boolean }

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
      delta: (trace.em === null ? 1 : trace.em - (step.em ?? 0)) as Stop['delta'],
      tokens: Math.min(step.tokens + trace.answerTokens, trace.tokens),
      isUnprobed: step.em === undefined,
    }
    while (open >= 0 && step.score >= grid[open]!) stops[open--] = stop
  }
  const ran: Stop = { delta: trace.isComplete ? 0 : trace.em ?? 1, tokens: trace.tokens, isUnprobed: !trace.isComplete }
  while (open >= 0) stops[open--] = ran
  return stops
}

/** Sums over control generations, in all and for each threshold. They add in any order. The number kept is generations - lost - gained. */
export interface Evidence {
  readonly generations: number
  /** Sums over the runs in full. */
  readonly full_tokens: number
  readonly full_em: number
  /** Generations whose label is known; the others count as the worst case. */
  readonly labelled: number
  /** Generations that crossed some threshold at a step that was not probed. */
  readonly unprobed_generations: number
  /** For each threshold of the grid. */
  readonly lost: readonly number[]
  readonly gained: readonly number[]
  readonly unprobed: readonly number[]
  readonly tokens: readonly number[]
}

const empty = new Map<number, Evidence>()

/** Empty evidence for a grid of `thresholds`: one shared object, as most contexts have an empty half-window. */
export function noEvidence (thresholds: number): Evidence {
  let none = empty.get(thresholds)
  if (none === undefined) {
    const zeros: readonly number[] = new Array(thresholds).fill(0)
    none = {
      generations: 0,
      full_tokens: 0,
      full_em: 0,
      labelled: 0,
      unprobed_generations: 0,
      lost: zeros,
      gained: zeros,
      unprobed: zeros,
      tokens: zeros,
    }
    empty.set(thresholds, none)
  }
  return none
}

/** Empty evidence for the raw confidence. */
export const NO_EVIDENCE = noEvidence(GRID.length)

/** The number of thresholds that evidence covers. */
export function thresholdsOf ({ lost }: Evidence): number { return lost.length }

/** The evidence with one more generation in it. */
export function addTrace (evidence: Evidence, trace: Trace, stops: readonly Stop[]): Evidence {
  return {
    generations: evidence.generations + 1,
    full_tokens: evidence.full_tokens + trace.tokens,
    full_em: evidence.full_em + (trace.em ?? 0),
    labelled: evidence.labelled + (trace.em === null ? 0 : 1),
    unprobed_generations: evidence.unprobed_generations + (stops.some(isUnprobed) ? 1 : 0),
    lost: countWhere(evidence.lost, stops, isLoss),
    gained: countWhere(evidence.gained, stops, isGain),
    unprobed: countWhere(evidence.unprobed, stops, isUnprobed),
    tokens: addTokens(evidence.tokens, stops),
  }
}

const isLoss = ({ delta }: Stop): boolean => delta === 1
const isGain = ({ delta }: Stop): boolean => delta === -1
const isUnprobed = ({ isUnprobed }: Stop): boolean => isUnprobed

/** Copies the counts only where one changes, which is rare. */
function countWhere (counts: readonly number[], stops: readonly Stop[], isSo: (stop: Stop) => boolean): readonly number[] {
  let next: number[] | null = null
  for (let k = 0; k < counts.length; k++) if (isSo(stops[k]!)) (next ??= counts.slice())[k]!++
  return next ?? counts
}

function addTokens (sums: readonly number[], stops: readonly Stop[]): number[] {
  const next = sums.slice()
  for (let k = 0; k < next.length; k++) next[k]! += stops[k]!.tokens
  return next
}

/** Adds a generation to the half-windows; a half that is full replaces the older one. @param window generations in both halves */
export function fillHalves (
  [filling, full]: readonly [Evidence, Evidence], trace: Trace, stops: readonly Stop[], window: number): readonly [Evidence, Evidence] {
  const filled = addTrace(filling, trace, stops)
  return filled.generations >= window / 2 ? [noEvidence(thresholdsOf(filled)), filled] : [filled, full]
}

/** The sum of two, for the same grid. */
export function mergeEvidence (a: Evidence, b: Evidence): Evidence {
  if (a.generations === 0) return b
  if (b.generations === 0) return a
  const sum = (x: readonly number[], y: readonly number[]) => x.map((value, k) => value + y[k]!)
  return {
    generations: a.generations + b.generations,
    full_tokens: a.full_tokens + b.full_tokens,
    full_em: a.full_em + b.full_em,
    labelled: a.labelled + b.labelled,
    unprobed_generations: a.unprobed_generations + b.unprobed_generations,
    lost: sum(a.lost, b.lost),
    gained: sum(a.gained, b.gained),
    unprobed: sum(a.unprobed, b.unprobed),
    tokens: sum(a.tokens, b.tokens),
  }
}

/** Net EM drop at threshold k, a fraction of the generations; 0 without generations. */
export function emDrop (evidence: Evidence, k: number): number {
  return evidence.generations === 0 ? 0 : (evidence.lost[k]! - evidence.gained[k]!) / evidence.generations
}

/** Share of the full runs' tokens that stopping at threshold k saves; 0 without generations. */
export function tokensSavedRatio (evidence: Evidence, k: number): number {
  return evidence.full_tokens === 0 ? 0 : 1 - evidence.tokens[k]! / evidence.full_tokens
}
