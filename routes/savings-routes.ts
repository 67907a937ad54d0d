import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from '#typebox'
import { anyError } from '../openapi/field-schemas.js'
import { type SavingsQuery, SavingsQuerySchema, SavingsSchema } from '../openapi/savings-schemas.js'
import { allowedPrefix } from '../src/service/access/context-access.js'
import { savingsFile } from '../src/service/admin/read-savings.js'
import type { Services } from './services.js'

const config = { role: 'operator', bound: 'handler' } as const
const tags = ['contexts']

function queryOf (request: FastifyRequest<{ Querystring: SavingsQuery }>) {
  const { query } = request
  return { ...query, prefix: allowedPrefix(request, query.prefix), isStated: query.prefix !== undefined }
}

export const savingsRoutes: FastifyPluginCallbackTypebox<Services> = (app, { readSavings }, done) => {
  app.get('/v1/savings', {
    config,
    schema: {
      tags,
      operationId: 'getSavings',
      summary: 'Get what a range of days saved, and what it lost',
      description: 'Tokens saved, net of probes, and right answers lost, each with a 95 % interval: of all contexts, or of those within a prefix, such as those of a team. ' +
        'A generation counts on the day (UTC) on which its outcome was learned, the present day so far.',
      querystring: SavingsQuerySchema,
      response: { 200: SavingsSchema, ...anyError },
    },
  }, (request) => readSavings(queryOf(request)))

  app.get('/v1/savings.csv', {
    config,
    schema: {
      tags,
      operationId: 'downloadSavings',
      summary: 'Download what a range of days saved, as a file for spreadsheets',
      description: 'The fields of the rows of GET /v1/savings as columns, under a line with their names; without `by`, the total alone. Unknown figures are empty. A key that a spreadsheet would take ' +
        'for a formula has an apostrophe before it.',
      querystring: SavingsQuerySchema,
      response: { 200: { description: 'Comma-separated values', content: { 'text/csv': { schema: Type.String() } } }, ...anyError },
    },
  }, async (request, reply) => {
    const query = queryOf(request)
    const file = savingsFile(await readSavings(query), query.by)
    return reply.type('text/csv; charset=utf-8').header('content-disposition', 'attachment; filename="savings.csv"').send(file)
  })
  done()
}
