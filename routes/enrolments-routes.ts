import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { EnrolledCountSchema, EnrolmentsSchema } from '../openapi/enrolment-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { acceptEnrolments } from '../src/decisions/accept-enrolments.js'
import type { Services } from './services.js'

export const enrolments: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/enrolments', {
    config: { role: 'worker', bound: 'handler', isParsedAsIs: true },
    schema: {
      tags: ['decide'],
      operationId: 'reportEnrolments',
      summary: 'Report the generations whose arms a worker drew itself',
      description: 'For workers that decide with a bundle. Send the first steps of each context, epoch and control share at least every 100 ms, in the ' +
        'background: only generations that are enrolled before they end are evidence. Draws that arrive when they are more than 5 seconds old do not enrol. ' +
        'The service computes draws and hashes from the ids, and enrols those that it would have enrolled itself.',
      body: EnrolmentsSchema,
      response: { 202: EnrolledCountSchema, ...anyError },
    },
  }, async (request, reply) => await reply.code(202).send({ enrolled: acceptEnrolments(services, request.body, request) }))
  done()
}
