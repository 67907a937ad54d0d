import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/error-schemas.js'
import { LabelledSchema, LabelParamsSchema, LabelSchema } from '../openapi/label-schemas.js'
import { reportLabel } from '../src/outcomes/report-label.js'
import { spendReportQuota } from '../src/access/report-quota.js'
import type { Services } from './services.js'

export const labels: FastifyPluginCallbackTypebox<Services> = (app, { config, store, service, metrics }, done) => {
  app.post('/v1/outcomes/:generation_id/label', {
    config: { role: 'worker', bound: 'handler' },
    schema: {
      tags: ['report'],
      summary: 'The label of an outcome that came without it',
      description: 'Taken for LABEL_WAIT_SECONDS after the outcome; then the outcome counts as unlabelled, and this is answered 409. ' +
        'Idempotent: the first label stands. After a 503 or a lost reply, send it again.',
      params: LabelParamsSchema,
      body: LabelSchema,
      response: { 202: LabelledSchema, ...anyError },
    },
    onError: async (_request, _reply, { code }) => { metrics.labels.inc({ result: RESULTS[code] ?? 'rejected' }) },
  }, async (request, reply) => {
    const { params: { generation_id: id }, body } = request
    const [isNew] = await spendReportQuota(request, 'label', 1, metrics, async () =>
      [await reportLabel(store, service.snapshot().salt, id, body, config.labelWaitSeconds, request)])
    metrics.labels.inc({ result: isNew ? 'accepted' : 'duplicate' })
    return await reply.code(202).send({ accepted: isNew ? 1 : 0, duplicates: isNew ? 0 : 1 })
  })
  done()
}

const RESULTS: Record<string, string> = { LABEL_TOO_LATE: 'late', OUTCOME_NOT_FOUND: 'unknown', STORE_UNAVAILABLE: 'unavailable', LOG_FULL: 'unavailable', TOO_MANY_OUTCOMES: 'limited' }
