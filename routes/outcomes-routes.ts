import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/error-schemas.js'
import { AcceptedBatchSchema, AcceptedSchema, AnyOutcomesSchema, OutcomeBatchSchema, OutcomeSchema } from '../openapi/outcome-schemas.js'
import { itemValidator, validatorCompiler } from '../openapi/validation.js'
import type { ReportedOutcome } from '../src/core/grading/outcome.js'
import { at, InvalidOutcomeError, TooManyOutcomesError } from '../src/errors/errors.js'
import { spendReportQuota, type Reporter } from '../src/access/report-quota.js'
import type { Services } from './services.js'
import { contextAccessProblem, forbidden } from '../src/access/context-access.js'
import { reportOutcomes, reportProblem } from '../src/outcomes/report-outcome.js'
import type { Problem } from '../src/errors/problem.js'

const tags = ['report']
const access = { role: 'worker', bound: 'handler' } as const
const schemaProblem = itemValidator(OutcomeSchema)

export const outcomes: FastifyPluginCallbackTypebox<Services> = (app, { config, store, service, recorder, metrics }, done) => {
  app.post('/v1/outcomes', {
    config: access,
    schema: {
      tags,
      summary: 'What a finished generation turned out to be',
      description: 'Answered once it is stored durably. Idempotent on generation_id: after a 503 or a lost reply, send it again.',
      body: OutcomeSchema,
      response: { 202: AcceptedSchema, ...anyError },
    },
    onError: async (_request, _reply, error) => {
      if ((error.statusCode ?? 500) < 500) metrics.outcomes.inc({ result: 'rejected', arm: 'unknown' })
    },
  }, async (request, reply) => {
    const refusal = contextAccessProblem(request, config.levels, request.body.context)
    if (refusal !== null) throw forbidden(refusal)
    const problem = reportProblem(config, request.body)
    if (problem !== null) throw at(problem.path, new InvalidOutcomeError(problem.message))
    const [isNew] = await keep([request.body], request)
    return await reply.code(202).send({ accepted: isNew ? 1 : 0, duplicates: isNew ? 0 : 1 })
  })

  app.post('/v1/outcomes/batch', {
    config: access,
    schema: { tags, summary: 'Many outcomes; a bad one spoils only itself', body: OutcomeBatchSchema, response: { 202: AcceptedBatchSchema, ...anyError } },
    validatorCompiler: ({ httpPart }) => validatorCompiler({ schema: AnyOutcomesSchema, ...(httpPart && { httpPart }) }),
  }, async (request, reply) => {
    const rejected: ({ index: number } & Problem)[] = []
    const good: ReportedOutcome[] = []
    for (const [index, outcome] of (request.body.outcomes as unknown[]).entries()) {
      const problem = schemaProblem(outcome) ?? contextAccessProblem(request, config.levels, (outcome as ReportedOutcome).context) ??
        reportProblem(config, outcome as ReportedOutcome)
      if (problem === null) good.push(outcome as ReportedOutcome); else rejected.push({ index, ...problem })
    }
    const areNew = await keep(good, request)
    const accepted = areNew.filter(Boolean).length
    metrics.outcomes.inc({ result: 'rejected', arm: 'unknown' }, rejected.length)
    return await reply.code(202).send({ accepted, duplicates: areNew.length - accepted, rejected })
  })

  async function keep (batch: ReportedOutcome[], reporter: Reporter): Promise<boolean[]> {
    const count = (result: string, { arm, stopped }: ReportedOutcome) => metrics.outcomes.inc({ result, arm: stopped ? 'treated' : arm ?? 'unknown' })
    try {
      const areNew = batch.length === 0
        ? []
        : await spendReportQuota(reporter, 'outcome', batch.length, metrics, () => reportOutcomes({ store, service, recorder, metrics }, batch, reporter))
      for (const [i, isNew] of areNew.entries()) count(isNew ? 'accepted' : 'duplicate', batch[i]!)
      return areNew
    } catch (error) {
      const result = error instanceof TooManyOutcomesError ? 'limited' : 'unavailable'
      for (const outcome of batch) count(result, outcome)
      throw error
    }
  }
  done()
}
