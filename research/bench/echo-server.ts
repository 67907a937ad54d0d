import Fastify from 'fastify'
import { DecisionBatchSchema, DecisionSchema, StepBatchSchema, StepSchema } from '../../openapi/decision-schemas.js'
import { validatorCompiler } from '../../openapi/validation.js'

/**
 * The yardstick: bare Fastify with the schemas of a route. It answers with a recorded reply of the service, so that parsing, validating,
 * serializing and the size of the reply are the same. Batches are validated and serialized by their schema, whereas the service looks at
 * each item.
 */
export interface EchoOrder { readonly replies: Readonly<Record<string, unknown>> }

const SCHEMAS = {
  '/v1/decisions': { body: StepSchema, response: { 200: DecisionSchema } },
  '/v1/decisions/batch': { body: StepBatchSchema, response: { 200: DecisionBatchSchema } },
}

process.on('message', async ({ replies }: EchoOrder) => {
  const app = Fastify({ bodyLimit: 4 * 1024 * 1024 })
  app.setValidatorCompiler(validatorCompiler)
  for (const [path, reply] of Object.entries(replies)) {
    const schema = SCHEMAS[path.split('?')[0] as keyof typeof SCHEMAS]
    app.post(path.replace('?', '/'), { schema }, (_request, response) => { response.send(reply) })
  }
  process.send!({ url: await app.listen({ port: 0 }) })
})
process.send?.('ready')
