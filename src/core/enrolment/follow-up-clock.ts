/**
 * The clock that follow-up goes by: the log's time, where a gap counts as no more than `longestGap`. While nobody can write to the log no
 * outcome can come in, so nobody's follow-up runs out.
 */
export interface FollowUpClock {
  /** Of the last entry, ms of the log's time; `null`: there was none. */
  readonly time: number | null
  /** What has passed, ms. */
  readonly passed: number
}

export const NEW_CLOCK: FollowUpClock = { time: null, passed: 0 }

export function advanceClock ({ time: last, passed }: FollowUpClock, time: number, longestGap: number): FollowUpClock {
  if (last === null) return { time, passed }
  return { time: Math.max(last, time), passed: passed + Math.min(longestGap, Math.max(0, time - last)) }
}
