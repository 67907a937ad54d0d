import type { Sample } from './sample.js'
import { SignalNames } from './signal-names.js'

/** The largest number of samples per leaf, so that a busy leaf leaves room for the others, and in all. The oldest are dropped first. */
export const RESERVOIR_LIMIT_OF_LEAF = 2_000
export const RESERVOIR_LIMIT = 10_000

/**
 * The samples that predictors are trained on. Since the log is trimmed, they are part of the committed state: each commit includes the
 * changes since the last `takeChanges`. The reservoir is mutable; a learner whose commit failed rebuilds it from the store.
 */
export class Reservoir {
  /** The names of signals in the samples, and in whatever else is kept beside them. */
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
