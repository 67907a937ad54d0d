import { MOST_DRAWS, type EnrolmentEntry } from './enrolment-list.js'

/** The properties that all draws of one entry share. */
export interface DrawnIn {
  /** Key of the context that gathers the evidence. */
  readonly key: string
  /** Name of its epoch; `null`: none is known. */
  readonly epoch: string | null
  /** Control share at which they were drawn. */
  readonly share: number
}

/** `draws`: second hash by u, since the samples of a group are drawn alike. */
interface Draft extends DrawnIn { draws: Map<number, number>, cutoff: number }

/** Entries of a list at most: while the store is away they pile up, and context keys come from clients. */
const MOST_DRAFTS = 16_384
/** Draws in all, for the same reason: 18 MB. A list on which so many have piled up is mostly too old to enrol anybody. */
export const MOST_BUFFERED = 262_144

/**
 * The draws of a replica since its last list. An entry holds those with the smallest second hashes, at most `MOST_DRAWS`, so that bursts
 * are thinned by a hash and not by who comes first.
 */
export class DrawBuffer {
  #drafts = new Map<string, Draft>()
  #size = 0
  #since: number | null = null

  /**
   * Adds a draw if it is control, or one of as many treated draws, which are those below twice the share.
   * @param u the draw, in [0, 1)
   * @param hash the second hash, in [0, 1)
   * @param now a monotonic clock, ms
   */
  add (drawn: DrawnIn, u: number, hash: number, now: number): void {
    const { key, epoch, share } = drawn
    if (u >= 2 * share) return
    const name = `${share} ${epoch ?? ''} ${key}`
    let draft = this.#drafts.get(name)
    if (draft === undefined && this.#drafts.size >= MOST_DRAFTS) return // as if its list were lost
    if (draft === undefined) this.#drafts.set(name, draft = { key, epoch, share, draws: new Map(), cutoff: Infinity })
    this.#since = Math.min(this.#since ?? now, now) // a local decider's draw may be older than those before it
    if (hash >= draft.cutoff || this.#size >= MOST_BUFFERED) return
    const before = draft.draws.size
    draft.draws.set(u, hash)
    if (draft.draws.size === 2 * MOST_DRAWS) thin(draft)
    this.#size += draft.draws.size - before
  }

  /** The entries of the next list and the time of the oldest draw; `null` if there is none. */
  take (): { readonly entries: EnrolmentEntry[], readonly since: number } | null {
    const since = this.#since
    if (since === null) return null
    const drafts = [...this.#drafts.values()]
    this.#drafts = new Map()
    this.#size = 0
    this.#since = null
    return {
      since,
      entries: drafts.map((draft) => {
        thin(draft)
        const { key, epoch, share, draws, cutoff } = draft
        return { key, epoch, share, draws: [...draws], ...(cutoff !== Infinity && { cutoff }) }
      }),
    }
  }
}

/** Keeps the draws with the smallest second hashes. */
function thin (draft: Draft): void {
  if (draft.draws.size <= MOST_DRAWS) return
  const sorted = [...draft.draws].sort(([, a], [, b]) => a - b)
  draft.cutoff = Math.min(draft.cutoff, sorted[MOST_DRAWS]![1])
  draft.draws = new Map(sorted.slice(0, MOST_DRAWS))
}
