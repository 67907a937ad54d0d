import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/error-schemas.js'
import { LabelledSchema, LabelParamsSchema, LabelSchema } from '../openapi/label-schemas.js'
import { acceptLabel, countRefusedLabel } from '../src/outcomes/accept-label.js'
import type { Services } from './services.js'

export const labels: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/outcomes/:generation_id/label', {
    config: { role: 'worker', bound: 'handler', isParsedAsIs: true },
    schema: {
      tags: ['report'],
      operationId: 'reportLabel',
      summary: 'Report the label of an outcome that came without one',
      description: 'A label counts as evidence if it comes within `follow_up_seconds` of the policy after the generation began. A later label is accepted and has no effect. ' +
        'The call is idempotent: the first label of an outcome stands. After a 503 or a lost reply, send the label again.',
      params: LabelParamsSchema,
      body: LabelSchema,
      response: { 202: LabelledSchema, ...anyError },
    },
    onError: async (_request, _reply, { code }) => { countRefusedLabel(services, code) },
  }, async (request, reply) => {
    const { params: { generation_id: id }, body } = request
    return await reply.code(202).send(await acceptLabel(services, id, body, request))
  })
  done()
}
