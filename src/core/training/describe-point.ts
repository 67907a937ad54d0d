import { sameThreshold, type Checkpoint } from './checkpoint.js'
import { emInterval, tokensInterval } from './reading.js'
import type { SeriesPoint } from './run.js'

export type PointView = ReturnType<typeof describePoint>

/** Whether a step was reported before with other figures under the same threshold. */
export function isReplay ({ attempts }: SeriesPoint): boolean {
  return attempts.slice(0, -1).some(({ checkpoint }) => sameThreshold(checkpoint, attempts.at(-1)!.checkpoint))
}

export interface Placed {
  readonly point: SeriesPoint
  /** A lower step was replayed after this one was reported, so this one may belong to a branch that the job has abandoned. */
  readonly predates_replay: boolean
}

/** Marks the points that predate a replay of a lower step, in one pass, since there may be a thousand points. */
export function withReplays (points: readonly SeriesPoint[]): Placed[] {
  let replayed = -Infinity
  return points.map((point) => {
    const received = point.attempts.at(-1)!.received_at
    const placed = { point, predates_replay: replayed > received }
    if (isReplay(point)) replayed = Math.max(replayed, received)
    return placed
  })
}

export function describePoint ({ point, predates_replay }: Placed) {
  const { attempts } = point
  const { checkpoint, received_at } = attempts.at(-1)!
  const { suite: _, at = null, ...figures } = checkpoint
  return {
    ...figures,
    ...intervalsOf(checkpoint),
    at,
    received_at,
    is_replay: isReplay(point),
    /** Earlier reports of the step, oldest first. */
    earlier_attempts: attempts.slice(0, -1).map((attempt) => attempt.checkpoint),
    predates_replay,
  }
}

/** `tokens_low` and `tokens_high` are `null` if no percentiles were reported. */
export function intervalsOf (checkpoint: Checkpoint) {
  const em = emInterval(checkpoint)
  const tokens = tokensInterval(checkpoint)
  return { em_low: em.low, em_high: em.high, tokens_low: tokens?.low ?? null, tokens_high: tokens?.high ?? null }
}
