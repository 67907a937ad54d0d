import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { anyError } from '../openapi/error-schemas.js'
import {
  AnyCheckpointsSchema, CheckpointSchema, CheckpointsBodySchema, PlotQuerySchema, ReportedSchema, RunParamsSchema, RunQuerySchema,
} from '../openapi/training-schemas.js'
import { RunListSchema, RunSchema } from '../openapi/training-run-schemas.js'
import { itemValidator, validatorCompiler } from '../openapi/validation.js'
import { errorOf, replyOf, sortCheckpoints } from '../src/training/checkpoint-batch.js'
import { invalid } from '../src/errors/errors.js'
import { spendReportQuota } from '../src/access/report-quota.js'
import type { Services } from './services.js'
import { plotSuite } from '../src/plot/plot-suite.js'
import { forbidden } from '../src/access/context-access.js'
import { runToWire, summaryToWire } from '../src/training/run-to-wire.js'

const tags = ['training']
const params = RunParamsSchema
const batchProblem = itemValidator(AnyCheckpointsSchema)
const checkpointProblem = itemValidator(CheckpointSchema)

export const trainingRuns: FastifyPluginCallbackTypebox<Services> = (app, { config, training, metrics }, done) => {
  app.post('/v1/training-runs/:run/checkpoints', {
    config: { role: 'trainer', bound: 'handler' },
    schema: {
      tags,
      summary: 'What evaluations of checkpoints found, one or many',
      description: 'Answered once it is stored durably. Idempotent on run, step and suite: a job that was suspended may report its steps again. ' +
        'Other figures for a known step are kept as another attempt. A bad checkpoint among many spoils only itself. A token that is bound to a ' +
        'prefix must name a context there with each.',
      params,
      body: CheckpointsBodySchema,
      response: { 202: ReportedSchema, ...anyError },
    },
    // Of "either of these" Ajv says only that it is neither: the handler looks which one is meant.
    validatorCompiler: ({ schema, httpPart }) => httpPart === 'body' ? () => true : validatorCompiler({ schema, ...(httpPart && { httpPart }) }),
  }, async (request, reply) => {
    const { params: { run }, body } = request
    const many = batchOf(body)
    const sorted = sortCheckpoints(config.levels, request, many ?? [body], checkpointProblem)
    if (many === null && sorted.refused[0] !== undefined) throw errorOf(sorted.refused[0])
    const refusal = await training.reachProblem(run, request)
    if (refusal !== null) throw forbidden(refusal)
    const checkpoints = sorted.good.map(({ checkpoint }) => checkpoint)
    let result = replyOf(sorted, { reported: [], opened: [] })
    await spendReportQuota(request, 'checkpoint', checkpoints.length, metrics, async () => {
      const made = await training.report(run, checkpoints, request.tokenName)
      result = replyOf(sorted, made)
      return made.reported.map((one) => one === 'accepted' || one === 'attempt')
    })
    if (many === null && result.rejected[0] !== undefined) throw errorOf({ ...result.rejected[0], isForbidden: false })
    return await reply.code(202).send(result)
  })

  app.get('/v1/training-runs', {
    config: { role: 'operator' },
    schema: { tags, summary: 'The training runs that are kept, and where they stand', response: { 200: RunListSchema, ...anyError } },
  }, async () => ({ runs: (await training.list()).map(summaryToWire) }))

  app.get('/v1/training-runs/:run', {
    config: { role: 'operator' },
    schema: {
      tags,
      summary: 'A run by suite, and how far its newest checkpoint may be stopped early',
      description: 'By suite EM and tokens with intervals, the trend, a forecast of the next checkpoints with how such forecasts have held, and verdicts with the figures behind them.',
      params,
      querystring: RunQuerySchema,
      response: { 200: RunSchema, ...anyError },
    },
  }, async (request) => runToWire(await training.get(request.params.run, request.query.last ?? 200, request.query.suite)))

  app.get('/v1/training-runs/:run/plot.svg', {
    config: { role: 'operator' },
    schema: {
      tags,
      summary: 'A suite of a run as a picture',
      description: 'EM and tokens against the step, with their intervals, the forecast of the next checkpoints, and where the trade-off turned.',
      params,
      querystring: PlotQuerySchema,
      response: { 200: { description: 'SVG', content: { 'image/svg+xml': { schema: Type.String() } } }, ...anyError },
    },
    serializerCompiler: () => (data) => typeof data === 'string' ? data : JSON.stringify(data), // errors are JSON
  }, async ({ params: { run }, query: { suite, last = 200 } }, reply) => {
    const picture = plotSuite(run, await training.getSuite(run, last, suite))
    return await reply.headers({ 'content-security-policy': "default-src 'none'", 'x-content-type-options': 'nosniff' }).type('image/svg+xml').send(picture)
  })
  done()
}

/** What comes as many; `null`: it is one. */
function batchOf (body: unknown): unknown[] | null {
  const isOne = !Array.isArray(body) && (typeof body !== 'object' || body === null || !('checkpoints' in body))
  if (isOne) return null
  const problem = batchProblem(body)
  if (problem !== null) throw invalid(problem)
  return (body as { checkpoints: unknown[] }).checkpoints
}
