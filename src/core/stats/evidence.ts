import { type Differences, EIGHTHS } from './certificate.js'
import type { Stop, Trace } from './trace.js'

/** The sums of two lists of numbers, place by place. */
export function addLists (a: readonly number[], b: readonly number[]): number[] {
  const sums = a.slice()
  addToList(sums, b)
  return sums
}

/** The same where each list may be absent for all zeros. */
export function addOptional (a: readonly number[] | undefined, b: readonly number[] | undefined): readonly number[] | undefined {
  return a === undefined || b === undefined ? a ?? b : addLists(a, b)
}

/** Adds one list to another in place. */
export function addToList (sums: number[], more: readonly number[]): void {
  for (let k = 0; k < sums.length; k++) sums[k]! += more[k]!
}

const zeros = new Map<number, readonly number[]>()

/** A list of zeros, one shared object for each length. */
export function zeroList (length: number): readonly number[] {
  let list = zeros.get(length)
  if (list === undefined) zeros.set(length, list = new Array<number>(length).fill(0))
  return list
}

/**
 * Sums over control generations, per threshold and in all, which add in any order. A unit is a generation, or a group of
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
  /** Per threshold of the grid, in units: the sums of losses, and of gains. */
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

/** Empty evidence for a grid of `thresholds`: one shared object, since many contexts have no open slices. */
export function noEvidence (thresholds: number): Evidence {
  let none = empty.get(thresholds)
  if (none === undefined) {
    const zeros = zeroList(thresholds)
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

/** How many thresholds the evidence is for. */
export function thresholdsOf ({ lost }: Evidence): number { return lost.length }

/** The fields of evidence that differences are read from. */
type Counted = Pick<Evidence, 'generations' | 'lost' | 'gained' | 'partial'>

/** The differences at threshold k, with `alsoLost` more units that count as lost. */
export function differencesAt ({ generations, lost, gained, partial }: Counted, k: number, alsoLost = 0): Differences {
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

/** Net EM drop at threshold k, a fraction of the generations; 0 without any. */
export function emDrop ({ generations, lost, gained }: Evidence, k: number): number {
  return generations === 0 ? 0 : (lost[k]! - gained[k]!) / generations
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

/** One unit of evidence, at every threshold: a generation, or a group of samples. */
export interface EvidenceUnit {
  readonly tokens: number
  readonly em: number
  readonly labelled: number
  /** Samples that crossed some threshold at a step that was not probed. */
  readonly unprobed_generations: number
  /** Per threshold: difference in whole eighths, tokens of its samples when stopped there, and samples that crossed it unprobed. */
  readonly eighths: readonly number[]
  readonly stopped_tokens: readonly number[]
  readonly unprobed: readonly number[]
  /** Tokens of the probes that its samples make until they are stopped there. Absent: none. */
  readonly probe_tokens?: readonly number[]
}

/** The unit that one generation is. */
export function evidenceUnitOf (trace: Trace, stops: readonly Stop[]): EvidenceUnit {
  const zeros = zeroList(stops.length)
  const isUnprobed = stops.some((stop) => stop.isUnprobed)
  return {
    tokens: trace.tokens,
    em: trace.em ?? 0,
    labelled: trace.em === null ? 0 : 1,
    unprobed_generations: isUnprobed ? 1 : 0,
    eighths: stops.every(({ delta }) => delta === 0) ? zeros : stops.map(({ delta }) => EIGHTHS * delta),
    stopped_tokens: stops.map(({ tokens }) => tokens),
    unprobed: isUnprobed ? stops.map((stop) => stop.isUnprobed ? 1 : 0) : zeros,
    ...(trace.probeTokens !== undefined && { probe_tokens: stops.map(({ probeTokens }) => probeTokens) }),
  }
}
