import type { SwaggerOptions } from '@fastify/swagger'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** The head of the OpenAPI document; the routes' schemas are the rest. */
export const documentOptions: SwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'stopgate',
      version: '1',
      description: 'Stop here, or continue? Asked at every generation step; answered with the lowest threshold that the evidence allows ' +
        'inside the Exact Match (EM) the operator is willing to lose.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of the service, where it has any. By role: `worker` decides and reports, `trainer` reports checkpoints, `operator` does everything, `metrics` scrapes; ' +
            'a token may be bound to the contexts below a prefix.',
        },
      },
    },
    servers: [{ url: '/', description: 'this server' }],
    tags: [
      { name: 'decide', description: 'Asked by workers at every step. Never waits for the store.' },
      { name: 'report', description: 'What became of a generation. Kept durably before it is answered.' },
      { name: 'contexts', description: 'What has been learned, by context.' },
      { name: 'operate', description: 'What the operator wants, by context.' },
      { name: 'model', description: 'The live model and its history.' },
      { name: 'predictors', description: 'Learned scores beside the raw confidence: trained here or imported, on trial, serving, retired.' },
      { name: 'training', description: 'EM and tokens of the checkpoints of a training run.' },
      { name: 'health', description: 'For the orchestrator and for Prometheus.' },
    ],
  },
  // The role that the guard goes by is the one that the document names (OpenAPI 3.1 has it stand where scopes do).
  transform: ({ schema, url, route }) => {
    const { role } = route.config ?? {}
    return { schema: { ...schema, security: role === undefined || role === 'open' ? [] : [{ bearer: [role] }] }, url }
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

/** For generated clients: `post /v1/decisions/batch` is `postDecisionsBatch`. */
function operationId (method: string, path: string): string {
  const words = path.replace('/v1/', '/').split(/\W+/).filter(Boolean) // letters, digits and _ alone, as of a name in a program
  return method + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
}

/** Moves every schema that has a title into the components, so that the document names each once. */
function hoist (value: Json, schemas: Record<string, Json>): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => hoist(item, schemas))
  const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hoist(inner, schemas)]))
  if (typeof copy.title !== 'string' || copy.type === undefined) return copy
  const { examples: _, ...schema } = copy // a body's examples stand beside its schema already
  const known = schemas[copy.title] ??= schema
  if (JSON.stringify(known) !== JSON.stringify(schema)) throw new Error(`two schemas have the title ${copy.title}`)
  return { $ref: `#/components/schemas/${copy.title}` }
}
