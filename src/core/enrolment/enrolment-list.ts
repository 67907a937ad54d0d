/** What a replica enrolled since its last list (see docs/concepts/certificate.md). */
export interface EnrolmentList {
  readonly type: 'enrolment'
  /** The start of the process that made the list, and the number of the list since: a list that is sent twice counts once. */
  readonly boot: string
  readonly number: number
  /** Of its oldest draw when it was appended, by a monotonic clock, ms. */
  readonly age: number
  /**
   * How long before that the previous list was known to be in the log, by the same clock, ms; absent: it is the first. A delayed list is
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
  /** Pairs of u and second hash, both in [0, 1); u is below twice the share. */
  readonly draws: ReadonlyArray<readonly [number, number]>
  /** The smallest second hash that was left out for want of room; absent: none was. */
  readonly cutoff?: number
}

/** Draws in one entry at most: those with the smallest second hashes. */
export const MOST_DRAWS = 256
