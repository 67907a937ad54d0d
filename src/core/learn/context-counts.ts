import { chainOf } from '../policy/context.js'

/** Part of the contexts that the tokens of one prefix may have, so that one tenant cannot use up the table. */
const PREFIX_SHARE = 0.25

/** The number of contexts that tokens bound to one prefix may have: at least one leaf with its ancestors. */
export function contextsOfPrefix (maxContexts: number, depth: number): number {
  return Math.max(depth, Math.floor(maxContexts * PREFIX_SHARE))
}

/** The number of contexts at and below each key. */
export class ContextCounts {
  readonly #counts = new Map<string, number>()

  constructor (keys: Iterable<string> = []) { for (const key of keys) this.add(key) }

  within (key: string): number { return this.#counts.get(key) ?? 0 }

  add (key: string): void { this.#change(key, 1) }

  remove (key: string): void { this.#change(key, -1) }

  #change (key: string, by: 1 | -1): void {
    for (const link of chainOf(key)) {
      const count = this.within(link) + by
      if (count === 0) this.#counts.delete(link); else this.#counts.set(link, count)
    }
  }
}
