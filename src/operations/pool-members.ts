import type { ContextRow } from '../core/views/describe-row.js'
import { isoTime, poolToWire } from '../wire/to-wire.js'
import type { Scan } from './scan-fleet.js'

/** Members that are listed. */
const LISTED = 20

const SHOWN = ['key', 'threshold', 'control_generations', 'em_drop', 'em_drop_low', 'em_drop_high', 'tokens_saved_ratio'] as const

/** What each member of a pool has itself shown, first those that lost most answers beyond the bound: a few generations tell little. */
export function membersOf ({ at, rows }: Scan, pool: string) {
  const members = rows.filter((row) => row.pool?.key === pool)
  const worst = [...members].sort((a, b) => answersBeyond(b) - answersBeyond(a) || (a.key < b.key ? -1 : 1)).slice(0, LISTED)
  return {
    at: isoTime(at),
    total: members.length,
    /** Members whose own EM drop is beyond the bound by estimate, and members that have left the pool. */
    over_bound: members.filter(isOverBound).length,
    left: members.filter((row) => row.pool?.left_at != null).length,
    worst: worst.map((row) => ({
      ...Object.fromEntries(SHOWN.map((field) => [field, row[field]])) as Pick<ContextRow, typeof SHOWN[number]>,
      over_bound: isOverBound(row),
      left_at: poolToWire(row.pool)?.left_at ?? null,
    })),
  }
}

function isOverBound ({ em_drop: drop, max_em_drop: bound }: ContextRow): boolean { return drop !== null && drop > bound }

/** Answers that its control generations lost beyond what the bound allows; those that have shown nothing come last. */
function answersBeyond ({ em_drop: drop, max_em_drop: bound, control_generations: generations }: ContextRow): number {
  return drop === null ? -Number.MAX_VALUE : (drop - bound) * generations
}
