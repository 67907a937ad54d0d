import { AnyCheckpointsSchema, CheckpointSchema } from '../../openapi/checkpoint-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { forbidden } from '../access/context-access.js'
import { spendReportQuota, type Reporter } from '../access/report-quota.js'
import type { Config } from '../config/config.js'
import { invalid } from '../errors/errors.js'
import type { Metrics } from '../metrics/metrics.js'
import { errorOf, replyOf, sortCheckpoints } from './checkpoint-batch.js'
import type { Training } from './training-runs.js'

export interface CheckpointServices {
  readonly config: Pick<Config, 'levels'>
  readonly training: Pick<Training, 'report' | 'reachProblem'>
  readonly metrics: Pick<Metrics, 'reports' | 'limited'>
}

const batchProblem = itemValidator(AnyCheckpointsSchema)
const checkpointProblem = itemValidator(CheckpointSchema)

/**
 * Stores the checkpoints of a request durably, within the quota of the caller's token. Invalid checkpoints of a batch are listed in the
 * reply; a single invalid checkpoint is an error.
 * @param body one checkpoint, or `{ checkpoints }`
 */
export async function acceptCheckpoints (
  { config, training, metrics }: CheckpointServices, run: string, body: unknown, reporter: Reporter
): Promise<ReturnType<typeof replyOf>> {
  const batch = batchOf(body)
  const sorted = sortCheckpoints(config.levels, reporter, batch ?? [body], checkpointProblem)
  if (batch === null && sorted.refused[0] !== undefined) throw errorOf(sorted.refused[0])
  const refusal = await training.reachProblem(run, reporter)
  if (refusal !== null) throw forbidden(refusal)
  const checkpoints = sorted.good.map(({ checkpoint }) => checkpoint)
  let result = replyOf(sorted, { reported: [], opened: [] })
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
