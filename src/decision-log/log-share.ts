import type { Arm } from '../core/assignment/arm.js'

/** The least share of generations that is logged under load, and how much less than the limit must come before the share rises again. */
const LEAST = 1 / 65_536
const CALM = 1 / 4

/** A hash of an id, in [0, 1): four characters at a time as in murmur3_32, with a salt of its own. */
function hashOf (id: string): number {
  const { length } = id
  let hash = 0x106 // so that it is independent of the draws of arms
  let i = 0
  for (; i + 3 < length; i += 4) {
    hash = mix(hash, id.charCodeAt(i) ^ id.charCodeAt(i + 1) << 8 ^ id.charCodeAt(i + 2) << 16 ^ id.charCodeAt(i + 3) << 24)
  }
  for (; i < length; i++) hash = mix(hash, id.charCodeAt(i))
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b)
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35)
  return ((hash ^ hash >>> 16) >>> 0) / 0x1_0000_0000
}

function mix (hash: number, block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  const h = hash ^ Math.imul(k << 15 | k >>> 17, 0x1b873593)
  return Math.imul(h << 13 | h >>> 19, 5) + 0xe6546b64 | 0
}

/**
 * Decides which generations are logged, by a hash of their ids, so that all steps of one are, on all replicas. Where more comes
 * than can be logged, this replica logs a smaller share of the generations, and not a part of the steps of each.
 */
export class LogShare {
  readonly #treated: number
  #share = 1

  /** @param treated share of the treated generations; all control generations are logged */
  constructor (treated: number) { this.#treated = treated }

  /** Whether any treated generation may be logged. */
  get isTreatedTaken (): boolean { return this.#treated > 0 }

  takes (generationId: string, arm: Arm): boolean {
    const share = arm === 'control' ? this.#share : this.#share * this.#treated
    return share >= 1 || (share > 0 && hashOf(generationId) < share)
  }

  /** Halves the share after a period in which something was dropped, and doubles it again after a calm one. */
  adapt (taken: number, dropped: number, limit: number): void {
    if (dropped > 0) this.#share = Math.max(LEAST, this.#share / 2)
    else if (taken < CALM * limit) this.#share = Math.min(1, this.#share * 2)
  }
}
