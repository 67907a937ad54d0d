import { checkpointProblem, namedKey, type Checkpoint } from '../core/training/checkpoint.js'
import type { Levels } from '../core/policy/context.js'
import { invalid, type InputError } from '../errors/errors.js'
import { forbidden, keyAccessProblem, type Caller } from '../access/context-access.js'
import type { ReportReply } from './training-runs.js'
import type { Problem } from '../errors/problem.js'

export type Refusal = Problem & { readonly index: number, readonly isForbidden: boolean }

type Sorted = ReturnType<typeof sortCheckpoints>

/**
 * Separates the acceptable checkpoints of a request from those to refuse.
 * @param schemaProblem validates one checkpoint against its schema
 */
export function sortCheckpoints (
  levels: Levels, caller: Caller, items: readonly unknown[], schemaProblem: (item: unknown) => Problem | null) {
  const good: Array<{ index: number, checkpoint: Checkpoint }> = []
  const refused: Refusal[] = []
  for (const [index, item] of items.entries()) {
    const checkpoint = item as Checkpoint
    const problem = schemaProblem(item) ?? checkpointProblem(levels, checkpoint)
    const refusal = problem === null ? reachProblem(levels, caller, checkpoint) : null
    if (problem !== null) refused.push({ index, ...problem, isForbidden: false })
    else if (refusal !== null) refused.push({ index, ...refusal, isForbidden: true })
    else good.push({ index, checkpoint })
  }
  return { good, refused }
}

/** A caller that is bound to a prefix may report only on contexts within it. */
function reachProblem (levels: Levels, caller: Caller, { context }: Checkpoint): Problem | null {
  if (context !== undefined) return keyAccessProblem(caller, namedKey(levels, context), '/context')
  return keyAccessProblem(caller, '*', '/context')
}

export function errorOf ({ path, message, isForbidden }: Refusal): InputError {
  return isForbidden ? forbidden({ path, message }) : invalid({ path, message })
}

/** The reply to a report; `rejected` is sorted by index. */
export function replyOf ({ good, refused }: Sorted, { reported, opened }: ReportReply) {
  const count = (...wanted: unknown[]) => reported.filter((result) => wanted.includes(result)).length
  const full = reported.flatMap((result, i) => typeof result === 'string' ? [] : [{ index: good[i]!.index, ...result }])
  return {
    accepted: count('accepted', 'attempt'),
    attempts: count('attempt'),
    duplicates: count('duplicate'),
    rejected: [...refused.map(({ index, path, message }) => ({ index, path, message })), ...full].sort((a, b) => a.index - b.index),
    epochs: opened.map(({ key, step }) => ({ context: key, step })),
  }
}
