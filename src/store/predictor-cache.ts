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

  /**
   * @param stamp of what the store has, read before its texts are; another one once any predictor was written; `null`: it can't tell
   * @param read the texts of all
   */
  async versions (stamp: string | null, read: () => Promise<readonly string[]>): Promise<Map<string, PredictorVersion>> {
    if (stamp !== null && stamp === this.#stamp) return new Map(this.#versions)
    const texts = await read()
    const versions = inOrder((await inTurns(texts, readPredictor, 1)).filter((version) => version !== null))
    const isKept = stamp !== null && texts.reduce((sum, { length }) => sum + length, 0) <= MOST_TEXT
    this.#stamp = isKept ? stamp : null
    this.#versions = isKept ? versions : new Map()
    return new Map(versions)
  }
}
