import { inCreationOrder, type PredictorVersion } from '../../core/scores/index.js'
import { inTurns } from './in-turns.js'
import { readPredictor } from './stored-values.js'

/** Length of the texts up to which their predictors are cached, characters. */
const MAX_TEXT = 64 * 1024 * 1024

/**
 * Caches the decoded predictors of a store. They rarely change, take up to a megabyte each, and are needed with every policy, pin and page
 * of contexts.
 */
export class PredictorCache {
  #stamp: string | undefined
  #versions: ReadonlyMap<string, PredictorVersion> = new Map()
  #damaged: readonly string[] = []

  /** Names of predictors that were unreadable when they were last read. */
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
    const all = await inTurns(texts, ([name, text]) => [name, readPredictor(text)] as const)
    const versions = inCreationOrder(all.flatMap(([, version]) => version ?? []))
    const isKept = texts.reduce((sum, [, { length }]) => sum + length, 0) <= MAX_TEXT
    this.#damaged = all.flatMap(([name, version]) => version === null ? [name] : [])
    this.#stamp = isKept ? stamp : undefined
    this.#versions = isKept ? versions : new Map()
    return new Map(versions)
  }
}
