import { AnyCheckpointsSchema, CheckpointSchema } from '../../../openapi/training-run-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import type { Levels } from '../../core/policy/index.js'
import { type Checkpoint, checkpointProblem, namedKey } from '../../core/training/index.js'
import { type InputError, invalid, type Problem } from '../../errors/errors.js'
import { type Caller, forbidden, keyAccessProblem, type Reporter, spendReportQuota } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { Metrics } from '../metrics/metrics.js'
import type { ReportReply, Training } from './training-runs.js'

interface CheckpointServices {
  readonly config: Pick<Config, 'levels'>
  readonly training: Pick<Training, 'report' | 'reachProblem'>
  readonly metrics: Pick<Metrics, 'reports' | 'limited'>
}

const batchProblem = itemValidator(AnyCheckpointsSchema)
const problemInCheckpoint = itemValidator(CheckpointSchema)

/**
 * Stores the checkpoints of a request durably, within the quota of the caller's token. Invalid checkpoints of a batch are listed in the
 * reply; a single invalid checkpoint is an error.
 * @param body one checkpoint, or `{ checkpoints }`
 */
export async function acceptCheckpoints (
  { config, training, metrics }: CheckpointServices, run: string, body: unknown, reporter: Reporter
): Promise<ReturnType<typeof replyOf>> {
  const batch = batchOf(body)
  const sorted = sortCheckpoints(config.levels, reporter, batch ?? [body], problemInCheckpoint)
  if (batch === null && sorted.refused[0] !== undefined) throw errorOf(sorted.refused[0])
  const refusal = await training.reachProblem(run, reporter)
  if (refusal !== null) throw forbidden(refusal)
  const checkpoints = sorted.good.map(({ checkpoint }) => checkpoint)
  let result = replyOf(sorted, { reported: [], served: [] })
  await spendReportQuota(reporter, 'checkpoint', checkpoints.length, metrics, async () => {
    const made = await training.report(run, checkpoints, reporter.tokenName)
    result = replyOf(sorted, made)
    return made.reported.map((one) => one === 'accepted' || one === 'attempt')
  })
  if (batch === null && result.rejected[0] !== undefined) throw errorOf({ ...result.rejected[0], isForbidden: false })
  return result
}

/** The items of a batch; `null` where the body is a single checkpoint. */
function batchOf (body: unknown): unknown[] | null {
  const isSingle = !Array.isArray(body) && (typeof body !== 'object' || body === null || !('checkpoints' in body))
  if (isSingle) return null
  const problem = batchProblem(body)
  if (problem !== null) throw invalid(problem)
  return (body as { checkpoints: unknown[] }).checkpoints
}

type Refusal = Problem & { readonly index: number, readonly isForbidden: boolean }

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
export function replyOf ({ good, refused }: Sorted, { reported, served }: ReportReply) {
  const count = (...wanted: unknown[]) => reported.filter((result) => wanted.includes(result)).length
  const full = reported.flatMap((result, i) => typeof result === 'string' ? [] : [{ index: good[i]!.index, ...result }])
  return {
    accepted: count('accepted', 'attempt'),
    attempts: count('attempt'),
    duplicates: count('duplicate'),
    rejected: [...refused.map(({ index, path, message }) => ({ index, path, message })), ...full].sort((a, b) => a.index - b.index),
    epochs: served.filter(({ continues }) => !continues).map(({ key, step }) => ({ context: key, step })),
  }
}
