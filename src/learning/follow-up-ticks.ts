import { ENROLMENT_TIMES, type EnrolmentTimes } from '../core/enrolment/times.js'
import { isFollowUpDue } from '../core/learn/learn-time.js'
import type { Memory } from './fold-entries.js'

/** In a quiet service a tick comes after this part of the longest gap that the follow-up clock counts in full. */
const GAP_PART = 0.8

/**
 * Tells when a tick has to bring the follow-up clock on: once per `look` at most, if that ends a slice, a follow-up or a wait, or makes a
 * look at the evidence due; and before a gap in the log stops the clock while a follow-up is under way.
 * @returns whether a tick is to be appended now; if so, it is taken to have been
 */
export function followUpTicks (times: Pick<EnrolmentTimes, 'look' | 'longestGap'> = ENROLMENT_TIMES): (memory: Memory, now: number) => boolean {
  const { look, longestGap } = times
  let cursor: string | null = null
  let movedAt = -Infinity
  let tickAt = -Infinity
  return (memory, now) => {
    if (memory.cursor !== cursor) {
      cursor = memory.cursor
      movedAt = now
    }
    if (now < tickAt + look || !memory.cohorts.isUnderWay) return false
    const quiet = now - movedAt
    if (quiet < GAP_PART * longestGap && !isFollowUpDue(memory, memory.cohorts.clock + quiet, times)) return false
    tickAt = now
    return true
  }
}
