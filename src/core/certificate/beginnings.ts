import { type Differences, logEvidence, losslessUnits, reaches } from './certificate.js'
import {
  addDifferenceSums, differencesIn, type DifferenceSums, differenceSumFrom, noDifferences, packDifferences, unpackDifferences,
} from './difference-sums.js'
import { differencesAt, type Evidence } from './evidence.js'

/**
 * Evidence that was gathered while something was broken must not stand for ever, so evidence begins again. For each threshold the test is
 *
 *   E = sum over beginnings j of w_j E_j,
 *
 * where E_j is the evidence (see `certificate.ts`) of the units since beginning j. The first beginning has weight 0.9. The k-th restart of
 * a threshold has weight 0.1 / (k (k + 1)); these add up to 0.1. Where a beginning is and what it weighs depend only on evidence before
 * it, so each E_j is an e-process and so is their mixture (Shin, Ramdas & Rinaldo 2022, "E-detectors").
 */
const FIRST_WEIGHT = 0.9
const RESTARTS_WEIGHT = 0.1

/** A threshold restarts where no beginning has this much evidence left... */
const LOG_SPENT = Math.log(0.5)
/** ... and its last four blocks of units lost, net, at most this part of the tolerance. */
const GOOD_PART = 0.4
const BLOCKS = 4
/** Least number of units in a block. */
const BLOCK_SIZE = 32
/** Limit of the beginnings besides the first. */
const MAX_RESTARTS = 16

/** One beginning of the evidence of one scorer. */
export interface Beginning {
  /** Number of the slice with which it begins; on arrival, of the block. */
  readonly slice: number
  /** When it begins, by the follow-up clock and in the log's time, ms. */
  readonly at: number
  readonly time: number
  /** By threshold; 0 where that threshold did not restart here. */
  readonly weights: readonly number[]
  /** The units of final slices that belong to it. */
  readonly final: DifferenceSums
  /** The same of open slices, and the number of units there that are not accounted for: a test counts them as lost. */
  readonly open: OpenDifferences
}

export interface OpenDifferences { readonly sums: DifferenceSums, readonly unaccounted: number }

/** Net losses of successive units, by threshold. */
interface Block { readonly units: number, readonly net: readonly number[] }

/** The beginnings of the evidence of one scorer in one epoch. */
export interface Beginnings {
  /** The oldest first. */
  readonly list: readonly Beginning[]
  /** How often each threshold has restarted. */
  readonly restarts: readonly number[]
  /** The newest final units, of all beginnings and none: at most four full blocks, and the one that fills up. */
  readonly blocks: readonly Block[]
}

/** A moment by the follow-up clock and in the log's time, ms. */
export interface Moment { readonly clock: number, readonly time: number }

/** @param slice number of the first slice */
export function firstBeginning (thresholds: number, slice: number, moment: Moment): Beginnings {
  const weights = listOf(thresholds, FIRST_WEIGHT)
  return { list: [newBeginning(slice, moment, weights)], restarts: listOf(thresholds, 0), blocks: [] }
}

/** The only beginning, to which all units of some evidence belong. */
export function beginningsOf ({ generations, lost, gained, partial }: Evidence): Beginnings {
  const beginnings = firstBeginning(lost.length, 0, { clock: 0, time: 0 })
  const final = { generations, lost, gained, ...(partial !== undefined && { partial }) }
  return { ...beginnings, list: [{ ...beginnings.list[0]!, final }] }
}

function newBeginning (slice: number, { clock: at, time }: Moment, weights: readonly number[]): Beginning {
  const none = noDifferences(weights.length)
  return { slice, at, time, weights, final: none, open: { sums: none, unaccounted: 0 } }
}

/** Units without a loss or gain that a first certificate takes. */
export function losslessGenerations (a: number, errorLevel: number): number { return unitsOfFirstCertificate(a, Math.log(1 / errorLevel)) }

/** N0: the same for the bar of a scorer, ln of the value that E must reach. */
export function unitsOfFirstCertificate (a: number, logBar: number): number {
  let byBar = firstUnits.get(a)
  if (byBar === undefined) {
    if (firstUnits.size >= MAX_REMEMBERED) firstUnits.clear()
    firstUnits.set(a, byBar = new Map<number, number>())
  }
  let units = byBar.get(logBar)
  if (units === undefined) {
    if (byBar.size >= MAX_REMEMBERED) byBar.clear()
    byBar.set(logBar, units = losslessUnits(a, barOfFirst(logBar)))
  }
  return units
}

/** The bar that the evidence of the first beginning must reach alone. */
export function barOfFirst (logBar: number): number { return logBar - Math.log(FIRST_WEIGHT) }

/** N0 by tolerance and bar: every outcome asks for it. */
const firstUnits = new Map<number, Map<number, number>>()
const MAX_REMEMBERED = 128

const lists = new Map<string, readonly number[]>() // few values occur: the first weight, none, and small counts

/** A list of equal numbers, one shared object, since ten thousand contexts have the same. */
function listOf (length: number, value: number): readonly number[] {
  const name = `${length} ${value}`
  let list = lists.get(name)
  if (list === undefined) lists.set(name, list = new Array<number>(length).fill(value))
  return list
}

/** The number that stands for all beginnings: a unit belongs to a beginning if its number is at least that of the beginning's slice. */
export const ALL = Number.MAX_SAFE_INTEGER
/** The number of units that belong to none. */
export const NONE = -1

/**
 * Adds the units of a final slice.
 * @param bySince sums by the newest beginning that the units belong to (its slice's number, `ALL` or `NONE`)
 * @param shown the evidence of all units, also of those that belong to no beginning
 */
export function addFinal (beginnings: Beginnings, bySince: ReadonlyMap<number, DifferenceSums>, shown: Evidence | undefined): Beginnings {
  if (bySince.size === 0 && shown === undefined) return beginnings
  const list = beginnings.list.map((beginning) => {
    const sum = differenceSumFrom(beginning.final)
    let isChanged = false
    for (const [since, sums] of bySince) {
      if (since < beginning.slice) continue
      addDifferenceSums(sum, sums)
      isChanged = true
    }
    return isChanged ? { ...beginning, final: sum } : beginning
  })
  return { ...beginnings, list, blocks: shown === undefined ? beginnings.blocks : addToBlocks(beginnings.blocks, shown) }
}

function addToBlocks (blocks: readonly Block[], { generations, lost, gained }: Evidence): readonly Block[] {
  if (generations === 0) return blocks
  const last = blocks.at(-1)
  const isFilling = last !== undefined && last.units < BLOCK_SIZE
  const net = lost.map((units, k) => units - gained[k]! + (isFilling ? last.net[k]! : 0))
  const block = { units: generations + (isFilling ? last.units : 0), net: net.every((value) => value === 0) ? listOf(net.length, 0) : net }
  return [...(isFilling ? blocks.slice(0, -1) : blocks), block].slice(-BLOCKS - 1)
}

/** Whether the newest block is full, so that the next unit begins another. */
export function isBlockFull ({ blocks }: Beginnings): boolean { return blocks.length > 0 && blocks.at(-1)!.units >= BLOCK_SIZE }

/**
 * Begins the evidence of some thresholds again with a slice, where all of their beginnings have lost their evidence and the newest units
 * lose little.
 * @param a tolerance of the test
 * @returns the same object if none begins again
 */
export function restart (beginnings: Beginnings, slice: number, moment: Moment, a: number): Beginnings {
  const { list, restarts, blocks } = beginnings
  const full = blocks.filter(({ units }) => units >= BLOCK_SIZE).slice(-BLOCKS)
  if (full.length < BLOCKS) return beginnings
  const units = full.reduce((sum, block) => sum + block.units, 0)
  const isGood = (k: number) => full.reduce((sum, { net }) => sum + net[k]!, 0) <= GOOD_PART * a * units
  const isSpent = (k: number) => list.every(({ weights, final }) => weights[k] === 0 || !reaches(a, differencesAt(final, k), LOG_SPENT))
  const begins = restarts.map((_, k) => isGood(k) && isSpent(k))
  if (!begins.includes(true)) return beginnings
  const counts = restarts.map((count, k) => begins[k] === true ? count + 1 : count)
  const weights = counts.map((count, k) => begins[k] === true ? RESTARTS_WEIGHT / (count * (count + 1)) : 0)
  const kept = list.length > MAX_RESTARTS ? withoutLeast(list, a) : list
  return { ...beginnings, list: [...kept, newBeginning(slice, moment, weights)], restarts: counts }
}

/** Drops the restart that matters least at the threshold where it matters most. */
function withoutLeast (list: readonly Beginning[], a: number): readonly Beginning[] {
  const most = (beginning: Beginning) => Math.max(...beginning.weights.map((weight, k) =>
    weight === 0 ? -Infinity : Math.log(weight) + logEvidence(a, differencesAt(beginning.final, k))))
  const matter = list.map((beginning, i) => i === 0 ? Infinity : most(beginning))
  const least = matter.indexOf(Math.min(...matter))
  return list.filter((_, i) => i !== least)
}

/** The differences of one prefix at one threshold, by beginning, with the logarithm of the beginning's weight. */
export type WeightedDifferences = ReadonlyArray<{ readonly logWeight: number, readonly differences: Differences }>

/** What counts besides final slices: nothing, what is known of open ones, or also what is not, as lost. */
type OpenPart = 'none' | 'known' | 'at_worst'

/** The differences at threshold k over all slices, by beginning. */
export function weightedDifferences ({ list }: Beginnings, k: number, part: OpenPart): WeightedDifferences {
  return list.flatMap((beginning) => {
    const weight = beginning.weights[k]!
    if (weight === 0) return []
    const final = differencesIn(beginning.final, k)
    const { sums, unaccounted } = beginning.open
    const more = part === 'none' ? null : differencesIn(sums, k, part === 'known' ? 0 : unaccounted)
    return [{ logWeight: Math.log(weight), differences: more === null ? final : addDifferences(final, more) }]
  })
}

/** What an ended open slice adds, by the newest beginning that its units belong to. */
export type DifferencesBySince = ReadonlyMap<number, OpenDifferences>

/** What each ended open slice adds to each beginning: a list of the slices for every beginning. */
export function openByBeginning ({ list }: Beginnings, slices: readonly DifferencesBySince[]): ReadonlyArray<readonly OpenDifferences[]> {
  return list.map(({ slice: begins, final }) => slices.map((bySince) =>
    sumOfDifferences([...bySince].flatMap(([since, open]) => since >= begins ? [open] : []), final.lost.length)))
}

function sumOfDifferences (parts: readonly OpenDifferences[], thresholds: number): OpenDifferences {
  if (parts.length === 1) return parts[0]!
  const sum = differenceSumFrom(noDifferences(thresholds))
  for (const { sums } of parts) addDifferenceSums(sum, sums)
  return { sums: sum, unaccounted: parts.reduce((total, { unaccounted }) => total + unaccounted, 0) }
}

/** The beginnings with what all open slices add to them. */
export function withOpen (beginnings: Beginnings, open: ReadonlyArray<readonly OpenDifferences[]>): Beginnings {
  const list = beginnings.list.map((beginning, j) => ({ ...beginning, open: sumOfDifferences(open[j]!, beginning.weights.length) }))
  return { ...beginnings, list }
}

/**
 * The differences at threshold k of every prefix that may certify, the shortest first: the final slices, and these with each run of open
 * slices that follows them. Each prefix counts the units left out of its own slices.
 * @param open by beginning, what each ended open slice adds
 */
export function prefixesAt ({ list }: Beginnings, open: ReadonlyArray<readonly OpenDifferences[]>, k: number): WeightedDifferences[] {
  const slices = open[0]!.length
  const prefixes: Array<Array<WeightedDifferences[number]>> = Array.from({ length: slices + 1 }, () => [])
  list.forEach((beginning, j) => {
    const weight = beginning.weights[k]!
    if (weight === 0) return
    const logWeight = Math.log(weight)
    let differences = differencesIn(beginning.final, k)
    prefixes[0]!.push({ logWeight, differences })
    open[j]!.forEach(({ sums, unaccounted }, i) => {
      const isEmpty = sums.generations + unaccounted === 0
      if (!isEmpty) differences = addDifferences(differences, differencesIn(sums, k, unaccounted))
      prefixes[i + 1]!.push({ logWeight, differences })
    })
  })
  return prefixes
}

function addDifferences (a: Differences, b: Differences): Differences {
  const partial = [...a.partial ?? [], ...b.partial ?? []]
  const sums = { lost: a.lost + b.lost, kept: a.kept + b.kept, gained: a.gained + b.gained }
  return partial.length === 0 ? sums : { ...sums, partial }
}

/** ln E of a prefix: that of the mixture over the beginnings. */
export function logMixture (a: number, prefix: WeightedDifferences): number {
  const logs = prefix.map(({ logWeight, differences }) => logWeight + logEvidence(a, differences))
  const top = Math.max(...logs)
  return top === -Infinity ? top : top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0))
}

/** Whether ln E of a prefix reaches the bar. One beginning alone usually does, or all are far from it. */
export function passes (a: number, prefix: WeightedDifferences, logBar: number): boolean {
  if (prefix.some(({ logWeight, differences }) => reaches(a, differences, logBar - logWeight))) return true
  if (prefix.length < 2) return false
  const far = logBar - Math.log(prefix.length)
  return prefix.some(({ logWeight, differences }) => reaches(a, differences, far - logWeight)) && logMixture(a, prefix) >= logBar
}

/** When a beginning was, and the known units since. */
interface Carrying { readonly time: number, readonly known: Differences }

/** The beginning whose evidence for threshold k weighs most, which carries its certificate. */
export function carryingBeginning (beginnings: Beginnings, k: number, a: number): Carrying | null {
  let carrying: Carrying | null = null
  let most = -Infinity
  for (const beginning of beginnings.list) {
    const [part] = weightedDifferences({ ...beginnings, list: [beginning] }, k, 'known')
    if (part === undefined) continue
    const log = part.logWeight + logEvidence(a, part.differences)
    if (log > most) { most = log; carrying = { time: beginning.time, known: part.differences } }
  }
  return carrying
}

/** Beginnings as they are stored. */
export function packBeginnings (beginnings: Beginnings): Beginnings {
  const list = beginnings.list.map(({ final, open, ...beginning }) =>
    ({ ...beginning, final: packDifferences(final), open: { ...open, sums: packDifferences(open.sums) } }))
  return { ...beginnings, list }
}

/** The beginnings that were stored; equal lists are shared, since ten thousand contexts have the same. */
export function unpackBeginnings (stored: Beginnings, thresholds: number): Beginnings {
  const shared = (values: readonly number[]) => values.every((value) => value === values[0]) ? listOf(thresholds, values[0]!) : values
  const list = stored.list.map(({ weights, final, open, ...beginning }) => ({
    ...beginning,
    weights: shared(weights),
    final: unpackDifferences(final, thresholds),
    open: { ...open, sums: unpackDifferences(open.sums, thresholds) },
  }))
  const blocks = stored.blocks.map(({ units, net }) => ({ units, net: shared(net) }))
  return { ...stored, list, restarts: shared(stored.restarts), blocks }
}
