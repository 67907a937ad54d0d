import { EIGHTHS, type Differences } from './certificate.js'
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

/**
 * What is kept of control generations, per threshold and in all. Two of them add in any order. A unit is a generation, or a group of
 * samples, whose difference at a threshold (EM in full less EM stopped there) is the mean over its samples in whole eighths.
 */
export interface Evidence {
  /** Units. */
  readonly generations: number
  /** Sums over the full runs of all samples. */
  readonly full_tokens: number
  readonly full_em: number
  /** Samples whose own label is known; the others count as the worst case. */
  readonly labelled: number
  /** Samples that crossed some threshold at a step that was not probed. */
  readonly unprobed_generations: number
  /** Per threshold of the grid, in units: the sums of what they lost, and of what they gained. */
  readonly lost: readonly number[]
  readonly gained: readonly number[]
  readonly unprobed: readonly number[]
  readonly tokens: readonly number[]
  /** Tokens that the probes until the stop cost, per threshold. Absent: none was reported. */
  readonly probe_tokens?: readonly number[]
  /** Units per threshold that lost or gained a part only, by their difference in eighths (-7 to 7, without 0). Absent: there are none. */
  readonly partial?: Readonly<Record<string, readonly number[]>>
}

const empty = new Map<number, Evidence>()

/** No evidence, for a grid of so many thresholds: one shared object, since most contexts have some half-window without any. */
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

/** No evidence for the raw confidence. */
export const NO_EVIDENCE = noEvidence(GRID.length)

/** How many thresholds the evidence is for. */
export function thresholdsOf ({ lost }: Evidence): number { return lost.length }

/** The differences at threshold k, with `alsoLost` more units that count as lost. */
export function differencesAt ({ generations, lost, gained, partial }: Evidence, k: number, alsoLost = 0): Differences {
  if (partial === undefined) {
    return { lost: lost[k]! + alsoLost, kept: generations - lost[k]! - gained[k]!, gained: gained[k]! }
  }
  let [whole, won, rest] = [lost[k]!, gained[k]!, 0]
  const parts: Array<readonly [number, number]> = []
  for (const [name, units] of Object.entries(partial)) {
    if (units[k] === 0) continue
    const eighths = Number(name)
    parts.push([eighths, units[k]!])
    rest += units[k]!
    if (eighths > 0) whole -= eighths / EIGHTHS * units[k]!; else won += eighths / EIGHTHS * units[k]!
  }
  return { lost: whole + alsoLost, kept: generations - whole - won - rest, gained: won, partial: parts }
}

/** One unit of evidence, at every threshold. */
export interface Unit {
  readonly tokens: number
  readonly em: number
  readonly labelled: number
  readonly unprobed_generations: number
  /** Per threshold: difference in whole eighths, tokens of its samples when stopped there, and samples that crossed it unprobed. */
  readonly eighths: readonly number[]
  readonly stopped_tokens: readonly number[]
  readonly unprobed: readonly number[]
  /** Tokens of the probes that its samples make until they are stopped there. Absent: none. */
  readonly probe_tokens?: readonly number[]
}

/** The unit that one generation is. */
export function unitOf (trace: Trace, stops: readonly Stop[]): Unit {
  return {
    tokens: trace.tokens,
    em: trace.em ?? 0,
    labelled: trace.em === null ? 0 : 1,
    unprobed_generations: stops.some(({ isUnprobed }) => isUnprobed) ? 1 : 0,
    eighths: stops.map(({ delta }) => EIGHTHS * delta),
    stopped_tokens: stops.map(({ tokens }) => tokens),
    unprobed: stops.map(({ isUnprobed }) => isUnprobed ? 1 : 0),
    ...(trace.probeTokens !== undefined && { probe_tokens: stops.map(({ probeTokens }) => probeTokens) }),
  }
}

/** The evidence with one more unit in it. @param sign -1 takes the unit out again */
export function addUnit (evidence: Evidence, unit: Unit, sign: 1 | -1 = 1): Evidence {
  const { eighths } = unit
  const lost = changed(evidence.lost, eighths, (d) => d > 0 ? sign * d / EIGHTHS : 0)
  const gained = changed(evidence.gained, eighths, (d) => d < 0 ? -sign * d / EIGHTHS : 0)
  const partial = withPartial(evidence.partial, eighths, sign)
  const probeTokens = addOptional(evidence.probe_tokens, unit.probe_tokens?.map((tokens) => sign * tokens))
  return {
    generations: evidence.generations + sign,
    full_tokens: evidence.full_tokens + sign * unit.tokens,
    full_em: evidence.full_em + sign * unit.em,
    labelled: evidence.labelled + sign * unit.labelled,
    unprobed_generations: evidence.unprobed_generations + sign * unit.unprobed_generations,
    lost,
    gained,
    unprobed: changed(evidence.unprobed, unit.unprobed, (count) => sign * count),
    tokens: evidence.tokens.map((sum, k) => sum + sign * unit.stopped_tokens[k]!),
    ...(probeTokens !== undefined && { probe_tokens: probeTokens }),
    ...(partial !== undefined && { partial }),
  }
}

/** Counts are copied only where one moves, which is rare. */
function changed (counts: readonly number[], by: readonly number[], amount: (value: number) => number): readonly number[] {
  let next: number[] | null = null
  for (let k = 0; k < counts.length; k++) {
    const more = amount(by[k]!)
    if (more !== 0) (next ??= counts.slice())[k]! += more
  }
  return next ?? counts
}

function withPartial (partial: Evidence['partial'], eighths: readonly number[], sign: 1 | -1): Evidence['partial'] {
  if (eighths.every((d) => d % EIGHTHS === 0)) return partial
  const next: Record<string, number[]> = Object.fromEntries(Object.entries(partial ?? {}).map(([name, units]) => [name, units.slice()]))
  for (const [k, d] of eighths.entries()) if (d % EIGHTHS !== 0) (next[d] ??= new Array(eighths.length).fill(0))[k]! += sign
  return next
}

/** The evidence with the unit of one generation. */
export function addTrace (evidence: Evidence, trace: Trace, stops: readonly Stop[]): Evidence {
  return addUnit(evidence, unitOf(trace, stops))
}

/** The evidence with units that count as lost at every threshold, and of which nothing else is known. */
export function addLost (evidence: Evidence, units: number): Evidence {
  if (units === 0) return evidence
  return { ...evidence, generations: evidence.generations + units, lost: evidence.lost.map((count) => count + units) }
}

/** The half-windows with more evidence; once the filling one is full it takes the place of the old one. @param window units in both */
export function fillHalves (
  [filling, full]: readonly [Evidence, Evidence], more: Evidence, window: number): readonly [Evidence, Evidence] {
  const filled = mergeEvidence(filling, more)
  return filled.generations >= window / 2 ? [noEvidence(thresholdsOf(filled)), filled] : [filled, full]
}

/** The sum of two, for the same grid. */
export function mergeEvidence (a: Evidence, b: Evidence): Evidence {
  if (a.generations === 0) return b
  if (b.generations === 0) return a
  const sum = (x: readonly number[], y: readonly number[]) => x.map((value, k) => value + y[k]!)
  const partial = mergePartial(a.partial, b.partial)
  const probeTokens = addOptional(a.probe_tokens, b.probe_tokens)
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
    ...(probeTokens !== undefined && { probe_tokens: probeTokens }),
    ...(partial !== undefined && { partial }),
  }
}

/** The sum of two arrays, each of which may be absent for all zeros. */
export function addOptional (a: readonly number[] | undefined, b: readonly number[] | undefined): readonly number[] | undefined {
  return a === undefined || b === undefined ? a ?? b : a.map((value, k) => value + b[k]!)
}

function mergePartial (a: Evidence['partial'], b: Evidence['partial']): Evidence['partial'] {
  if (a === undefined || b === undefined) return a ?? b
  const merged: Record<string, readonly number[]> = { ...a }
  for (const [name, units] of Object.entries(b)) merged[name] = a[name]?.map((count, k) => count + units[k]!) ?? units
  return merged
}

/** Net EM drop at threshold k, a fraction of the generations; 0 without any. */
export function emDrop (evidence: Evidence, k: number): number {
  return evidence.generations === 0 ? 0 : (evidence.lost[k]! - evidence.gained[k]!) / evidence.generations
}

/**
 * Share of the full runs' tokens that stopping at threshold k saves, net of the tokens that the probes until then cost; negative where they
 * cost more than stopping saves. 0 without generations.
 */
export function tokensSavedRatio (evidence: Evidence, k: number): number {
  return evidence.full_tokens === 0 ? 0 : tokensSaved(evidence, k) / evidence.full_tokens
}

/** The same, probes not counted. */
export function grossSavedRatio ({ full_tokens: full, tokens }: Evidence, k: number): number {
  return full === 0 ? 0 : (full - tokens[k]!) / full
}

/** Tokens that stopping at threshold k saves in all the generations, net of those of the probes. */
export function tokensSaved ({ full_tokens: full, tokens, probe_tokens: probes }: Evidence, k: number): number {
  return full - tokens[k]! - (probes?.[k] ?? 0)
}
