import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/field-schemas.js'
import {
  CheckpointsBodySchema, ReportedSchema, RunListSchema, RunParamsSchema, RunQuerySchema, RunSchema,
} from '../openapi/training-run-schemas.js'
import { validatorCompiler } from '../openapi/validation.js'
import { acceptCheckpoints } from '../src/service/training-runs/accept-checkpoints.js'
import { runToWire, summaryToWire } from '../src/service/training-runs/training-runs.js'
import { MANY_ITEMS_BYTES } from '../src/service/http/json.js'
import type { Services } from './services.js'

const tags = ['training']
const params = RunParamsSchema

export const trainingRunsRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  const { training } = services
  app.post('/v1/training-runs/:run/checkpoints', {
    config: { role: 'trainer', bound: 'handler', isParsedAsIs: true },
    bodyLimit: MANY_ITEMS_BYTES,
    schema: {
      tags,
      operationId: 'reportCheckpoints',
      summary: 'Report evaluations of one or many checkpoints',
      description: 'The reply comes once the checkpoints are stored durably. The call is idempotent by run, step and suite, so a job that was ' +
        'suspended may report its steps again. Other figures for a step that is known already are kept as another attempt. Invalid checkpoints ' +
        'of a batch are listed under `rejected`; the others are stored. A token that is bound to a prefix must give each checkpoint a context ' +
        'within it.',
      params,
      body: CheckpointsBodySchema,
      response: { 202: ReportedSchema, ...anyError },
    },
    // For an `anyOf`, Ajv reports only that no branch matches. `acceptCheckpoints` validates by the branch that the caller meant.
    validatorCompiler: ({ schema, httpPart }) => httpPart === 'body' ? () => true : validatorCompiler({ schema, ...(httpPart && { httpPart }) }),
  }, async (request, reply) => await reply.code(202).send(await acceptCheckpoints(services, request.params.run, request.body, request)))

  app.get('/v1/training-runs', {
    config: { role: 'operator' },
    schema: {
      tags,
      operationId: 'listTrainingRuns',
      summary: 'List the training runs with their latest figures',
      description: 'For each run its suites with the newest figures and verdicts, and the contexts that its checkpoints serve.',
      response: { 200: RunListSchema, ...anyError },
    },
  }, async () => ({ runs: (await training.list()).map(summaryToWire) }))

  app.get('/v1/training-runs/:run', {
    config: { role: 'operator' },
    schema: {
      tags,
      operationId: 'getTrainingRun',
      summary: 'Get a run with its trend, forecast, verdicts and advice',
      description: 'For each suite: EM and tokens with intervals, the trend, a forecast of the next checkpoints and how well such forecasts ' +
        'have held, and verdicts with their figures. For each context that the run serves: whether its newest checkpoint may be stopped early.',
      params,
      querystring: RunQuerySchema,
      response: { 200: RunSchema, ...anyError },
    },
  }, async (request) => runToWire(await training.get(request.params.run, request.query.last ?? 200, request.query.suite)))

  done()
}
