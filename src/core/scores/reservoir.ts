import type { Sample } from './sample.js'

/** Names of signals that the learner keeps at most of one leaf, and of all leaves, besides those that a live predictor uses. */
export const NAMES_OF_LEAF = 64
export const NAMES = 1024

/** Steps, of which only the names of their signals matter. */
type Steps = ReadonlyArray<{ readonly signals?: Readonly<Record<string, number>> }> | null

/** How many items have each name. */
type Counts = Map<string, number>

/**
 * The names of signals in all that the learner keeps: samples, and outcomes that wait. Workers may invent names, and each one takes memory.
 * A name is free again once nothing that is kept has it.
 */
export class SignalNames {
  readonly #all: Counts = new Map()
  readonly #leaves = new Map<string, Counts>()

  /** Counts the names of steps that are kept from now on. */
  add (leaf: string, steps: Steps): void {
    const names = namesOf(steps)
    if (names.size === 0) return
    let mine = this.#leaves.get(leaf)
    if (mine === undefined) this.#leaves.set(leaf, mine = new Map())
    for (const name of names) for (const counts of [mine, this.#all]) counts.set(name, (counts.get(name) ?? 0) + 1)
  }

  /** Takes back an `add` of the same steps. */
  remove (leaf: string, steps: Steps): void {
    const mine = this.#leaves.get(leaf)
    if (mine === undefined) return
    for (const name of namesOf(steps)) for (const counts of [mine, this.#all]) discount(counts, name)
    if (mine.size === 0) this.#leaves.delete(leaf)
  }

  /**
   * Names of signals in these steps for which there is no room, in the order of the steps.
   * @param isScored whether a live predictor uses the name: its scores need the signal, so there is always room
   */
  refused (leaf: string, steps: Steps, isScored: (name: string) => boolean): ReadonlySet<string> {
    const mine = this.#leaves.get(leaf)
    const refused = new Set<string>()
    let ofLeaf = mine?.size ?? 0
    let inAll = this.#all.size
    for (const name of namesOf(steps)) {
      if (mine?.has(name)) continue
      const isNew = !this.#all.has(name)
      const isRoom = ofLeaf < NAMES_OF_LEAF && (!isNew || inAll < NAMES)
      if (!isRoom && !isScored(name)) {
        refused.add(name)
        continue
      }
      ofLeaf++
      if (isNew) inAll++
    }
    return refused
  }
}

function namesOf (steps: Steps): Set<string> {
  const names = new Set<string>()
  for (const { signals } of steps ?? []) for (const name in signals) names.add(name)
  return names
}

function discount (counts: Counts, name: string): void {
  const count = counts.get(name)!
  if (count === 1) counts.delete(name); else counts.set(name, count - 1)
}

/** The largest number of samples per leaf, so that a busy leaf leaves room for the others, and in all. The oldest are dropped first. */
export const RESERVOIR_LIMIT_OF_LEAF = 2_000
export const RESERVOIR_LIMIT = 10_000

/**
 * The samples that predictors are trained on. Since the log is trimmed, they are part of the committed state: each commit includes the
 * changes since the last `takeChanges`. The reservoir is mutable; a learner whose commit failed rebuilds it from the store.
 */
export class Reservoir {
  /** The names of signals in the samples, and in everything kept beside them. */
  readonly names = new SignalNames()
  /** By number, oldest first. */
  readonly #samples = new Map<number, Sample>()
  /** Numbers by leaf, oldest first. */
  readonly #leaves = new Map<string, Set<number>>()
  #changes = new Map<number, Sample | undefined>()
  #added = 0

  constructor (stored: Iterable<readonly [number, Sample]> = []) {
    for (const [number, sample] of [...stored].sort(([a], [b]) => a - b)) this.#insert(number, sample)
  }

  /** The number of samples ever added. */
  get added (): number { return this.#added }

  add (sample: Sample): void {
    const number = this.#added
    this.#insert(number, sample)
    this.#changes.set(number, sample)
    const mine = this.#leaves.get(sample.leaf)!
    if (mine.size > RESERVOIR_LIMIT_OF_LEAF) this.#remove(mine.values().next().value!)
    if (this.#samples.size > RESERVOIR_LIMIT) this.#remove(this.#samples.keys().next().value!)
  }

  /** All samples, oldest first. */
  samples (): Sample[] { return [...this.#samples.values()] }

  /** Samples added and dropped (`undefined`) since the last call, by number. */
  takeChanges (): ReadonlyMap<number, Sample | undefined> {
    const changes = this.#changes
    this.#changes = new Map()
    return changes
  }

  #insert (number: number, sample: Sample): void {
    this.#added = number + 1
    this.#samples.set(number, sample)
    const leaf = this.#leaves.get(sample.leaf)
    if (leaf === undefined) this.#leaves.set(sample.leaf, new Set([number])); else leaf.add(number)
    this.names.add(sample.leaf, sample.steps)
  }

  #remove (number: number): void {
    const { leaf, steps } = this.#samples.get(number)!
    const mine = this.#leaves.get(leaf)!
    this.#samples.delete(number)
    mine.delete(number)
    if (mine.size === 0) this.#leaves.delete(leaf)
    this.names.remove(leaf, steps)
    this.#changes.set(number, undefined)
  }
}
