/**
 * The clock of the follow-up: the time of the log, in which a gap counts as `longestGap` at most. While the log cannot be written to, no
 * outcome can arrive, so no follow-up may run out.
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
