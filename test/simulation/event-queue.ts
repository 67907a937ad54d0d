/** Actions at given times, the earliest first; those of the same time run in the order in which they were added. A binary heap. */
export class EventQueue {
  readonly #heap: Array<{ readonly at: number, readonly order: number, readonly act: (at: number) => void }> = []
  #added = 0

  add (at: number, act: (at: number) => void): void {
    const heap = this.#heap
    heap.push({ at, order: this.#added++, act })
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1
      if (!this.#isBefore(i, parent)) break
      this.#swap(i, parent)
      i = parent
    }
  }

  /** Runs all actions, also those added meanwhile, until none is left or `isOver` returns true. */
  run (isOver: () => boolean = () => false): void {
    while (this.#heap.length > 0 && !isOver()) {
      const { at, act } = this.#take()
      act(at)
    }
  }

  #take () {
    const heap = this.#heap
    this.#swap(0, heap.length - 1)
    const first = heap.pop()!
    for (let i = 0; ;) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && this.#isBefore(child, least)) least = child
      if (least === i) return first
      this.#swap(i, least)
      i = least
    }
  }

  #isBefore (i: number, j: number): boolean {
    const [a, b] = [this.#heap[i]!, this.#heap[j]!]
    return a.at < b.at || (a.at === b.at && a.order < b.order)
  }

  #swap (i: number, j: number): void {
    [this.#heap[i], this.#heap[j]] = [this.#heap[j]!, this.#heap[i]!]
  }
}
