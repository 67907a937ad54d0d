import type { DrawnIn } from '../decide/enrol-draw.js'

/** Rule E2: the control generations that a replica enrolled since its last list (see docs/concepts/certificate.md). */
export interface EnrolmentList {
  readonly type: 'enrolment'
  /** The start of the process that made the list, and the number of the list since: a list that is sent twice counts once. */
  readonly boot: string
  readonly number: number
  /** Of its oldest draw when it was appended, by a monotonic clock, ms. */
  readonly age: number
  /**
   * Time from the confirmation of the previous list to that append, by the same clock, ms; absent: it is the first list. A delayed list is
   * older than its `age`, and the learner infers from this field by how much.
   */
  readonly after?: number
  readonly entries: readonly EnrolmentEntry[]
}

/** The draws of one certifying context, epoch and control share. */
export interface EnrolmentEntry {
  readonly key: string
  /** Name of the epoch, as the replica knew it; `null`: the replica knew no epoch of the context. */
  readonly epoch: string | null
  readonly share: number
  /** Pairs of u and second hash, both in [0, 1); u is below the share. */
  readonly draws: ReadonlyArray<readonly [number, number]>
  /** The prefix that the token of the first draw is bound to, if the replica knew no epoch. */
  readonly prefix?: string
}

/** The times of enrolment (see docs/concepts/certificate.md), ms. One object, which the assembly injects: the demo and tests run faster. */
export interface EnrolmentTimes {
  /** How often a replica appends its list. */
  readonly listEvery: number
  /** After which an append is given up, and the list sent again with its new age. */
  readonly appendTimeout: number
  /** The gap between two log entries that counts as no more than this on the follow-up clock. */
  readonly longestGap: number
  /** The age at which a list is void: its generations may have ended before it was written down. */
  readonly oldestList: number
  /** How long an outcome waits for its entry: as long as a list may be under way. */
  readonly wait: number
  /** How often evidence is tested, unless a slice becomes final. */
  readonly look: number
}

export const ENROLMENT_TIMES: EnrolmentTimes = {
  listEvery: 100, appendTimeout: 2000, longestGap: 5000, oldestList: 10_000, wait: 12_000, look: 1000,
}

/** All times multiplied by a factor. */
export function scaledTimes (factor: number): EnrolmentTimes {
  const { listEvery, appendTimeout, longestGap, oldestList, wait, look } = ENROLMENT_TIMES
  return {
    listEvery: factor * listEvery,
    appendTimeout: factor * appendTimeout,
    longestGap: factor * longestGap,
    oldestList: factor * oldestList,
    wait: factor * wait,
    look: factor * look,
  }
}

/** `draws`: second hash by u, since all samples of a group share one draw. */
interface Draft extends DrawnIn { readonly draws: Map<number, number> }

/** Limit of the entries of a list: while the store is away they pile up, and context keys come from clients. */
const MAX_DRAFT_ENTRIES = 16_384
/** Limit of all draws of a list, for the same reason: 18 MB. A list of that size is mostly too old to enrol anything. */
export const MAX_BUFFERED_DRAWS = 262_144

/** The control draws of a replica since its last list. */
export class DrawBuffer {
  #drafts = new Map<string, Draft>()
  #size = 0
  #since: number | null = null

  /**
   * Adds a draw if it is control.
   * @param u the draw, in [0, 1)
   * @param hash the second hash, in [0, 1)
   * @param now a monotonic clock, ms
   */
  add (drawn: DrawnIn, u: number, hash: number, now: number): void {
    if (u >= drawn.share || this.#size >= MAX_BUFFERED_DRAWS) return
    const draft = this.#draft(drawn)
    if (draft === undefined) return // as if its list were lost
    this.#since = Math.min(this.#since ?? now, now) // a local decider's draw may be older than those before it
    if (draft.draws.has(u)) return // of a prompt the first generation enrols
    draft.draws.set(u, hash)
    this.#size++
  }

  #draft ({ key, epoch, share, prefix }: DrawnIn): Draft | undefined {
    const name = `${share} ${epoch ?? ''} ${key}`
    let draft = this.#drafts.get(name)
    if (draft !== undefined || this.#drafts.size >= MAX_DRAFT_ENTRIES) return draft
    const bound = epoch === null && prefix !== undefined && { prefix }
    this.#drafts.set(name, draft = { key, epoch, share, draws: new Map(), ...bound })
    return draft
  }

  /** The entries of the next list, and the time of the oldest draw; `null` if there are none. */
  take (): { readonly entries: EnrolmentEntry[], readonly since: number } | null {
    const since = this.#since
    if (since === null) return null
    const drafts = [...this.#drafts.values()]
    this.#drafts = new Map()
    this.#size = 0
    this.#since = null
    return {
      since,
      entries: drafts.map(({ draws, ...drawn }) => ({ ...drawn, draws: [...draws] })),
    }
  }
}
