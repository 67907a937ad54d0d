import { inOrder, type PredictorVersion } from '../core/predictor/predictor-version.js'
import { readPredictor } from './damaged.js'
import { inTurns } from './encoding.js'

/** Text whose predictors are kept decoded at most, characters. */
const MOST_TEXT = 64 * 1024 * 1024

/**
 * The predictors of a store, decoded. They seldom change, are up to a megabyte each, and are looked at with every policy, pin and page of
 * contexts: so they are read anew only where the store says that one of them was written.
 */
export class PredictorCache {
  #stamp: string | null = null
  #versions: ReadonlyMap<string, PredictorVersion> = new Map()
  #damaged: readonly string[] = []

  /** Names of those that could not be read when they were last. */
  damaged (): readonly string[] { return this.#damaged }

  /**
   * @param stamp of what the store has, read before its texts are; another one once any predictor was written; `null`: it can't tell
   * @param read the texts of all, by name
   */
  async versions (
    stamp: string | null, read: () => Promise<ReadonlyArray<readonly [string, string]>>
  ): Promise<Map<string, PredictorVersion>> {
    if (stamp !== null && stamp === this.#stamp) return new Map(this.#versions)
    const texts = await read()
    const all = await inTurns(texts, ([name, text]) => [name, readPredictor(text)] as const, 1)
    const versions = inOrder(all.flatMap(([, version]) => version ?? []))
    const isKept = stamp !== null && texts.reduce((sum, [, { length }]) => sum + length, 0) <= MOST_TEXT
    this.#damaged = all.flatMap(([name, version]) => version === null ? [name] : [])
    this.#stamp = isKept ? stamp : null
    this.#versions = isKept ? versions : new Map()
    return new Map(versions)
  }
}
