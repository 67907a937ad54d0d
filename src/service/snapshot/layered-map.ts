/** Number of changes at which a new map is made of them and the map below. */
const MAX_CHANGES = 256

/**
 * A map that begins as another one, which it leaves as it is. It keeps only its changes, so that one among ten thousand rows takes as long
 * as one among ten; each 256th copies all.
 */
export class LayeredMap<K, V> implements ReadonlyMap<K, V> {
  readonly #base: ReadonlyMap<K, V>
  /** By key; `undefined`: deleted. */
  readonly #changes: Map<K, V | undefined>
  #size: number

  constructor (from: ReadonlyMap<K, V> = new Map()) {
    const isLayered = from instanceof LayeredMap
    const isFull = isLayered && from.#changes.size >= MAX_CHANGES
    this.#base = isFull ? new Map(from) : isLayered ? from.#base : from
    this.#changes = isLayered && !isFull ? new Map(from.#changes) : new Map()
    this.#size = from.size
  }

  get size (): number { return this.#size }

  get (key: K): V | undefined {
    const changed = this.#changes.get(key)
    return changed !== undefined || this.#changes.has(key) ? changed : this.#base.get(key)
  }

  has (key: K): boolean { return this.get(key) !== undefined }

  set (key: K, value: V): this {
    if (!this.has(key)) this.#size++
    this.#changes.set(key, value)
    return this
  }

  delete (key: K): boolean {
    if (!this.has(key)) return false
    this.#size--
    this.#changes.set(key, undefined)
    return true
  }

  /** Those of the map below come first. */
  * entries (): MapIterator<[K, V]> {
    for (const [key, value] of this.#base) {
      const current = this.#changes.has(key) ? this.#changes.get(key) : value
      if (current !== undefined) yield [key, current]
    }
    for (const [key, value] of this.#changes) if (value !== undefined && !this.#base.has(key)) yield [key, value]
  }

  * keys (): MapIterator<K> { for (const [key] of this.entries()) yield key }

  * values (): MapIterator<V> { for (const [, value] of this.entries()) yield value }

  [Symbol.iterator] (): MapIterator<[K, V]> { return this.entries() }

  forEach (action: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) action(value, key, this)
  }
}
