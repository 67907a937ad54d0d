import type { SwaggerOptions } from '@fastify/swagger'
import { VERSION } from '../src/version/version.js'
import { hoist, type Json } from './components.js'
import { ERROR_RESPONSES, errorResponsesOf } from './error-responses.js'
import { lenient } from './lenient.js'
import { responseLinks } from './links.js'

/** The head of the OpenAPI document. The rest comes from the schemas of the routes. */
export const documentOptions: SwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'stopgate',
      version: VERSION,
      description: 'Workers of LLM inference ask stopgate at every generation step whether to stop or to continue. It answers with the threshold that saves ' +
        'most tokens while its certificate bounds the loss of Exact Match (EM) to what the operator accepts. In requests, an optional field that is null counts as absent. ' +
        'A method that a path does not have is answered with 405, and the header Allow lists those that it has.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of the service, if it is configured with tokens. Roles: `worker` asks for decisions and reports outcomes, `trainer` reports checkpoints, ' +
            '`operator` may call every route, `metrics` may only scrape metrics. A token may be bound to the contexts below a prefix.',
        },
      },
    },
    servers: [{ url: '/', description: 'this server' }],
    tags: [
      { name: 'decide', description: 'Decisions for workers. They never wait for the store.' },
      { name: 'report', description: 'Outcomes and labels of generations. They are stored durably before the reply.' },
      { name: 'generations', description: 'The decision log: what was asked and answered at each step of a generation.' },
      { name: 'contexts', description: 'What the service has learned in each context.' },
      { name: 'operate', description: 'Policies, pins and resets of contexts.' },
      { name: 'model', description: 'The model in force and its history.' },
      { name: 'predictors', description: 'Learned scores that can replace the raw confidence, trained by the service or imported.' },
      { name: 'training', description: 'Exact Match and tokens of the checkpoints of training runs.' },
      { name: 'health', description: 'Probes for the orchestrator, and metrics for Prometheus.' },
    ],
  },
  // The document states the role that the guard checks. OpenAPI 3.1 puts it where OAuth has scopes.
  transform: ({ schema, url, route }) => {
    const { role } = route.config ?? {}
    const body = schema?.body !== undefined && (role === 'worker' || role === 'trainer') && { body: lenient(schema.body as object) }
    return { schema: { ...schema, ...body, security: role === undefined || role === 'open' ? [] : [{ bearer: [role] }] }, url }
  },
  transformObject: (document) => {
    if (!('openapiObject' in document)) return document.swaggerObject
    const { paths, ...rest } = document.openapiObject
    for (const operations of Object.values(paths as Record<string, Record<string, Operation>>)) Object.values(operations).forEach(complete)
    const schemas: Record<string, Json> = {}
    const responses = hoist(ERROR_RESPONSES as unknown as Json, schemas) // JSON, but interfaces have no index signature
    const components = { ...rest.components, responses, schemas }
    // `hoist` maps JSON to JSON and loses the type of the document.
    return { ...rest, paths: hoist(paths as Json, schemas), components } as unknown as typeof document.openapiObject
  },
}

interface Operation { operationId: string, security: unknown[], responses: Record<string, { $ref?: string, links?: object }> }

/** Adds the error replies that operations share, and links to the operations that may follow. */
function complete (operation: Operation): void {
  const { '4XX': _, '5XX': __, ...own } = operation.responses // what the serializer knows of errors
  operation.responses = { ...errorResponsesOf(operation.security.length === 0), ...own }
  for (const [status, links] of responseLinks(operation.operationId)) operation.responses[status]!.links = links
}
