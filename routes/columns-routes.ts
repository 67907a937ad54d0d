import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { AnyColumnsSchema, ColumnDecisionsSchema, ColumnsSchema } from '../openapi/columns-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { validatorCompiler } from '../openapi/validation.js'
import { checkColumns } from '../src/decisions/check-columns.js'
import type { ColumnDecisions, Columns } from '../src/core/decide/decide-columns.js'
import type { Services } from './services.js'
import type { Caller } from '../src/access/context-access.js'
import { askedAt } from '../src/core/recording/asked-at.js'

export const columns: FastifyPluginCallbackTypebox<Services> = (app, { config, service, recorder, metrics }, done) => {
  app.post('/v1/decisions/columns', {
    config: { role: 'worker', bound: 'handler', isParsedAsIs: true },
    schema: {
      tags: ['decide'],
      summary: 'Many steps as columns, the fast form',
      description: 'The same decisions as the other two, for one step of a whole engine. A row in none of the lists is: continue, treated. ' +
        'Columns of different lengths and more than 4,096 rows are refused; a bad cell spoils only its row.',
      body: ColumnsSchema,
      response: { 200: ColumnDecisionsSchema, ...anyError },
    },
    validatorCompiler: ({ httpPart }) => validatorCompiler({ schema: AnyColumnsSchema, ...(httpPart && { httpPart }) }),
    serializerCompiler: () => JSON.stringify,
  }, (request, reply) => {
    const columns = request.body
    const startedAt = performance.now()
    const { errors, contexts } = checkColumns(request, config.levels, columns)
    const decided = service.decideColumns(columns, new Set(errors.map(({ index }) => index)))
    metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
    record(columns, decided, request)
    count(decided.reasons)
    const { stop, control, would_stop, probe, rules } = decided
    const answer = {
      model_version: service.snapshot().version,
      stale: service.freshness() !== 'fresh',
      stop,
      control,
      would_stop,
      probe,
      errors,
      contexts: rules.map(({ threshold, checkEveryTokens, minTokens }, i) =>
        contexts[i] === null ? { threshold, check_every_tokens: checkEveryTokens, min_tokens: minTokens } : null),
    }
    request.log.debug({ columns, decisions: answer }, 'decided')
    reply.send(answer as typeof answer & { errors: Array<typeof errors[number]> })
  })

  function record (columns: Columns, { control, reasons, rules }: ColumnDecisions, caller: Caller): void {
    const { generation_ids: ids, context } = columns
    if (ids === undefined || !rules.some(({ recordSteps }) => recordSteps)) return
    for (const row of control) {
      const id = ids[row] ?? null
      if (id !== null && reasons[row] !== 'off' && rules[context[row]!]!.recordSteps) recorder.keep(id, askedAt(columns, row), caller)
    }
  }

  function count (reasons: ColumnDecisions['reasons']): void {
    let run = 0 // rows of one reason mostly follow each other
    for (let row = 0; row < reasons.length; row++) {
      run++
      const reason = reasons[row]
      if (reason === reasons[row + 1]) continue
      if (reason !== undefined) metrics.decided(reason, run)
      run = 0
    }
  }
  done()
}
