import type { SwaggerOptions } from '@fastify/swagger'
import { VERSION } from '../src/version/version.js'
import { lenient } from './lenient.js'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** The head of the OpenAPI document. The rest comes from the schemas of the routes. */
export const documentOptions: SwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'stopgate',
      version: VERSION,
      description: 'Workers of LLM inference ask stopgate at every generation step whether to stop or to continue. It answers with the threshold that saves ' +
        'most tokens while its certificate bounds the loss of Exact Match (EM) to what the operator accepts. In requests, an optional field that is null counts as absent.',
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
    const schemas: Record<string, Json> = {}
    const { paths, ...rest } = document.openapiObject
    for (const [path, operations] of Object.entries(paths as Record<string, Record<string, { operationId?: string }>>)) {
      for (const [method, operation] of Object.entries(operations)) operation.operationId = operationId(method, path)
    }
    return { ...rest, components: { ...rest.components, schemas }, paths: hoist(paths as Json, schemas) } as typeof document.openapiObject
  },
}

/** A name for generated clients: `post /v1/decisions/batch` becomes `postDecisionsBatch`. */
function operationId (method: string, path: string): string {
  const words = path.replace('/v1/', '/').split(/\W+/).filter(Boolean)
  return method + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}

/** Moves every schema that has a title into the components, so that the document contains it once. */
function hoist (value: Json, schemas: Record<string, Json>): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => hoist(item, schemas))
  const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hoist(inner, schemas)]))
  if (typeof copy.title !== 'string' || copy.type === undefined) return copy
  const { examples: _, ...schema } = copy // examples of a body are beside its schema already
  const known = schemas[copy.title] ??= schema
  if (JSON.stringify(known) !== JSON.stringify(schema)) throw new Error(`two schemas have the title ${copy.title}`)
  return { $ref: `#/components/schemas/${copy.title}` }
}
