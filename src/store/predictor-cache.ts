import { inCreationOrder, type PredictorVersion } from '../core/predictor/predictor-version.js'
import { readPredictor } from './read-stored.js'
import { inTurns } from './encoding.js'

/** Text whose predictors are kept decoded at most, characters. */
const MOST_TEXT = 64 * 1024 * 1024

/**
 * The predictors of a store, decoded. They seldom change, are up to a megabyte each, and are looked at with every policy, pin and page of
 * contexts: so they are read anew only where the store says that one of them was written.
 */
export class PredictorCache {
  #stamp: string | undefined
  #versions: ReadonlyMap<string, PredictorVersion> = new Map()
  #damaged: readonly string[] = []

  /** Names of those that could not be read when they were last. */
  damaged (): readonly string[] { return this.#damaged }

  /**
   * @param stamp identifies the stored predictors, and changes whenever one is written; to be read before their texts are
   * @param read reads the texts of all, by name
   */
  async versions (
    stamp: string, read: () => Promise<ReadonlyArray<readonly [string, string]>>
  ): Promise<Map<string, PredictorVersion>> {
    if (stamp === this.#stamp) return new Map(this.#versions)
    const texts = await read()
    const all = await inTurns(texts, ([name, text]) => [name, readPredictor(text)] as const, 1)
    const versions = inCreationOrder(all.flatMap(([, version]) => version ?? []))
    const isKept = texts.reduce((sum, [, { length }]) => sum + length, 0) <= MOST_TEXT
    this.#damaged = all.flatMap(([name, version]) => version === null ? [name] : [])
    this.#stamp = isKept ? stamp : undefined
    this.#versions = isKept ? versions : new Map()
    return new Map(versions)
  }
}
