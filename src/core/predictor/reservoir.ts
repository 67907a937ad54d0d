import type { Sample } from './sample.js'

/** Control generations that are kept to learn from, the newest of one leaf, so that a busy one leaves the others room, and in all. */
export const RESERVOIR_LIMIT_OF_LEAF = 2_000
export const RESERVOIR_LIMIT = 10_000

/**
 * What predictors are trained on. Part of committed state, since the log is trimmed: what changed since the last `takeChanges` goes into
 * the commit. Mutable; a learner whose commit failed starts over from the store.
 */
export class Reservoir {
  /** By their number, oldest first. */
  readonly #samples = new Map<number, Sample>()
  /** Numbers by leaf, oldest first. */
  readonly #leaves = new Map<string, Set<number>>()
  #changes = new Map<number, Sample | undefined>()
  #added = 0

  constructor (stored: Iterable<readonly [number, Sample]> = []) {
    for (const [number, sample] of [...stored].sort(([a], [b]) => a - b)) this.#insert(number, sample)
  }

  get size (): number { return this.#samples.size }

  /** How many were ever added. */
  get added (): number { return this.#added }

  add (sample: Sample): void {
    const number = this.#added
    this.#insert(number, sample)
    this.#changes.set(number, sample)
    const mine = this.#leaves.get(sample.leaf)!
    if (mine.size > RESERVOIR_LIMIT_OF_LEAF) this.#remove(mine.values().next().value!)
    if (this.#samples.size > RESERVOIR_LIMIT) this.#remove(this.#samples.keys().next().value!)
  }

  /** All there are, oldest first. */
  samples (): Sample[] { return [...this.#samples.values()] }

  /** What was added or made room (`undefined`) since the last call, by number. */
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
  }

  #remove (number: number): void {
    const { leaf } = this.#samples.get(number)!
    const mine = this.#leaves.get(leaf)!
    this.#samples.delete(number)
    mine.delete(number)
    if (mine.size === 0) this.#leaves.delete(leaf)
    this.#changes.set(number, undefined)
  }
}
