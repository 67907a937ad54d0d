import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { ColumnDecisionsSchema, ColumnsSchema } from '../openapi/columns-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { answerColumns } from '../src/decisions/answer-columns.js'
import { renderColumns } from '../src/decisions/render-columns.js'
import { sendJson } from '../src/http/send-json.js'
import type { Services } from './services.js'

export const columns: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/decisions/columns', {
    config: { role: 'worker', bound: 'handler', isParsedAsIs: true },
    schema: {
      tags: ['decide'],
      operationId: 'decideColumns',
      summary: 'Decide many steps sent as columns (the fastest form)',
      description: 'Use it to decide one step of a whole engine in one request. Decisions are the same as those of the other two routes. ' +
        'A row that is in none of the lists of the reply is treated and continues. ' +
        'A request is refused if its columns differ in length or have more than 4,096 rows; an invalid cell affects only its row.',
      body: ColumnsSchema,
      response: { 200: ColumnDecisionsSchema, ...anyError },
    },
    validatorCompiler: () => () => true, // answerColumns validates, strictly first: valid columns are then validated once
    serializerCompiler: () => JSON.stringify, // of errors
  }, (request, reply) => {
    const answer = answerColumns(services, request.body, request)
    request.log.debug({ columns: request.body, decisions: answer }, 'decided')
    sendJson(reply, renderColumns(answer))
  })
  done()
}
