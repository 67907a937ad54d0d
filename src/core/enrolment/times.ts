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
  /** How often evidence is looked at, unless a slice becomes final. */
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
