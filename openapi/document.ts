import type { SwaggerOptions } from '@fastify/swagger'
import {
  errorBody, ForbiddenError, type InputError, InternalError, invalid, StoreDownError, TooManyRequestsError, UnauthenticatedError,
} from '../src/errors/errors.js'
import { VERSION } from '../src/version.js'
import { ErrorSchema } from './field-schemas.js'
import { lenient } from './validation.js'

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/**
 * Moves every schema that has a title into the components, so that the document contains it once, and adds the constraints that a schema
 * only states (`stating` in openapi/field-schemas.ts). Tools for OpenAPI name their types after components, and many of them cannot read a
 * component that is an object or null, so a nullable use of a component becomes a choice between it and null.
 */
export function hoistSchemas (value: Json, schemas: Record<string, Json>): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => hoistSchemas(item, schemas))
  const { 'x-named': named, 'x-stated': stated, ...schema } = value
  if (named !== undefined) return use(schema, hoistSchemas(named, schemas))
  const entries = Object.entries({ ...schema, ...stated as object })
  const copy = Object.fromEntries(entries.map(([name, inner]) => [name, hoistSchemas(inner, schemas)]))
  if (Array.isArray(copy.enum) && copy.enum.includes(null)) return nullableEnum(copy)
  if (typeof copy.title !== 'string' || copy.type === undefined) return copy
  const { examples: _, ...component } = copy // examples of a body are beside its schema already
  const known = schemas[copy.title] ??= component
  if (JSON.stringify(known) !== JSON.stringify(component)) throw new Error(`two schemas have the title ${copy.title}`)
  return { $ref: `#/components/schemas/${copy.title}` }
}

/** Writes a nullable enum as a choice, since code generators make several types of an enum that contains `null`. */
function nullableEnum ({ type, enum: values, description, examples, ...rest }: { [name: string]: Json }): Json {
  const own = { ...rest, type: (type as string[]).filter((one) => one !== 'null')[0]!, enum: (values as Json[]).filter((value) => value !== null) }
  return { anyOf: [own, { type: 'null' }], ...(description !== undefined && { description }), ...(examples !== undefined && { examples }) }
}

/** A reference, with the description of the place that uses it. */
function use ({ type, description = '' }: { [name: string]: Json }, reference: Json): Json {
  if (Array.isArray(type) && type.includes('null')) return { anyOf: [reference, { type: 'null' }], description }
  return { ...reference as object, description }
}

const header = (description: string, schema: object, required = true) => ({ description, required, schema })

const RETRY_AFTER = { 'Retry-After': header('Time to wait before the next try (seconds)', { type: 'integer', minimum: 1, examples: [1] }) }

const reply = (description: string, error: InputError, headers?: object) => ({
  description, ...(headers && { headers }), content: { 'application/json': { schema: ErrorSchema, example: errorBody(error) } },
})

/** Error replies that operations share, by the name of their component. */
export const ERROR_RESPONSES = {
  Unauthenticated: reply('The request has no valid token, and the service has tokens', new UnauthenticatedError(), {
    'WWW-Authenticate': header('How to authenticate', { type: 'string', examples: ['Bearer'] }),
  }),
  Forbidden: reply('The token may not make this call', new ForbiddenError(
    'This route requires the role operator, and token ci has the role worker: use a token made with stopgate token NAME operator')),
  TooManyRequests: reply('The token has used up its requests, outcomes or labels', new TooManyRequestsError('ci'), RETRY_AFTER),
  Refused: reply('The request is refused; `code` and `message` say what to change', invalid({
    path: '/tokens', message: 'must be >= 0; Tokens generated so far (a whole number from 0)',
  })),
  Unavailable: reply('The service cannot answer now, and nothing was stored: send the request again', new StoreDownError(), RETRY_AFTER),
  OtherError: reply('Any other error; treat a `code` that you do not know by its status', new InternalError('req-8f2c'), {
    Allow: header('With 405: the methods that the path has', { type: 'string', examples: ['GET, HEAD'] }, false),
  }),
}

type Name = keyof typeof ERROR_RESPONSES

/** No ranges such as 4XX, since orval writes code that does not compile for them. */
const OF_ALL: Readonly<Record<string, Name>> = { 400: 'Refused', default: 'OtherError' }
const OF_GUARDED: Readonly<Record<string, Name>> = {
  401: 'Unauthenticated', 403: 'Forbidden', 429: 'TooManyRequests', 503: 'Unavailable', ...OF_ALL,
}

/** References to the error replies of an operation. @param isOpen whether it needs no token */
export function errorResponsesOf (isOpen: boolean): Record<string, { $ref: string }> {
  const names = Object.entries(isOpen ? OF_ALL : OF_GUARDED)
  return Object.fromEntries(names.map(([status, name]) => [status, { $ref: `#/components/responses/${name}` }]))
}

/** The inputs of a later call, as runtime expressions of OpenAPI over a request and its reply, by parameter and by field of the body. */
interface Target {
  readonly parameters?: Readonly<Record<string, string>>
  readonly requestBody?: unknown
}

interface Link extends Target { readonly operationId: string }

/** Links to the operations on a context. @param key expression of its key */
const context = (key: string): Record<string, Target> => {
  const target = { parameters: { key } }
  const names = ['getContext', 'getTradeoff', 'getWhatIf', 'listWantedLabels', 'getPolicy', 'patchPolicy', 'setPin', 'resetContext']
  return Object.fromEntries(names.map((name) => [name, target]))
}

const SAME_KEY = { parameters: { key: '$request.path.key' } }
const SAME_NAME = { parameters: { name: '$request.path.name' } }
const SAME_RUN = { parameters: { run: '$request.path.run' } }
/** The same call with the confirm of its dry run. */
const CONFIRMED = { parameters: { ...SAME_KEY.parameters, confirm: '$response.body#/confirm' }, requestBody: '$request.body' }
const NEXT_OF = (parameter: string): Target => ({ parameters: { [parameter]: '$response.body#/next' } })

/** By operation and status of the reply: which operations a client can call next, and with which values. */
const NEXT: Readonly<Record<string, Readonly<Record<number, Readonly<Record<string, Target>>>>>> = {
  decide: {
    200: {
      getContext: { parameters: { key: '$response.body#/context' } },
      getTradeoff: { parameters: { key: '$response.body#/context' } },
      reportOutcome: { requestBody: { generation_id: '$request.body#/generation_id', arm: '$response.body#/arm' } },
    },
  },
  getBundle: { 200: { getBundle: { parameters: { 'if-none-match': '$response.header.ETag' } } } },
  reportEnrolments: { 202: { reportOutcome: { requestBody: { generation_id: '$request.body#/generations/0/generation_id' } } } },
  reportOutcome: { 202: { reportLabel: { parameters: { generation_id: '$request.body#/generation_id' } } } },
  reportOutcomes: { 202: { reportLabel: { parameters: { generation_id: '$request.body#/outcomes/0/generation_id' } } } },
  listContexts: { 200: { ...context('$response.body#/contexts/0/key'), listContexts: NEXT_OF('after') } },
  getContext: { 200: context('$response.body#/key') },
  listWantedLabels: { 200: { reportLabel: { parameters: { generation_id: '$response.body#/generation_ids/0' } } } },
  getPolicy: { 200: { replacePolicy: { ...SAME_KEY, requestBody: '$response.body#/policy' }, deletePolicy: SAME_KEY } },
  replacePolicy: { 200: { replacePolicy: CONFIRMED, getPolicy: SAME_KEY, deletePolicy: SAME_KEY } },
  patchPolicy: { 200: { patchPolicy: CONFIRMED, getPolicy: SAME_KEY } },
  setPin: { 200: { setPin: CONFIRMED, removePin: SAME_KEY, getContext: SAME_KEY } },
  resetContext: { 200: { resetContext: CONFIRMED }, 204: { getContext: SAME_KEY } },
  listCommands: { 200: { listCommands: NEXT_OF('before'), getContext: { parameters: { key: '$response.body#/commands/0/key' } } } },
  getHistory: {
    200: {
      getHistory: NEXT_OF('before'),
      getContext: { parameters: { key: '$response.body#/changes/0/key' } },
    },
  },
  listPredictors: {
    200: {
      getPredictor: { parameters: { name: '$response.body#/predictors/0/name' } },
      retirePredictor: { parameters: { name: '$response.body#/predictors/0/name' } },
    },
  },
  importPredictor: { 200: { getPredictor: SAME_NAME, retirePredictor: SAME_NAME } },
  getPredictor: { 200: { importPredictor: { ...SAME_NAME, requestBody: '$response.body#/definition' }, retirePredictor: SAME_NAME } },
  reportCheckpoints: { 202: { getTrainingRun: SAME_RUN } },
  listTrainingRuns: {
    200: {
      getTrainingRun: { parameters: { run: '$response.body#/runs/0/run' } },
    },
  },
}

/** The links of an operation's replies, by status. */
export function responseLinks (operationId: string): Array<[status: string, links: Record<string, Link>]> {
  return Object.entries(NEXT[operationId] ?? {}).map(([status, targets]) => [
    status, Object.fromEntries(Object.entries(targets).map(([operationId, target]) => [operationId, { operationId, ...target }])),
  ])
}

/** The head of the OpenAPI document. The rest comes from the schemas of the routes. */
export const documentOptions: SwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'stopgate',
      version: VERSION,
      description: 'Workers of LLM inference ask stopgate at every generation step whether to stop or to continue. It decides by the threshold that saves ' +
        'the most tokens among those whose certificate keeps the loss of Exact Match (EM) within the bound of the operator. In requests, an optional field that is null counts as absent. ' +
        'A method that a path does not have is answered with 405, and the header Allow lists those that it has.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of the service, if it is configured with tokens. Roles: `worker` asks for decisions and reports outcomes, `trainer` reports checkpoints, ' +
            '`operator` may call every route, `metrics` may only scrape metrics. A token may be bound to a prefix: one context and those below it.',
        },
      },
    },
    servers: [{ url: '/', description: 'this server' }],
    tags: [
      { name: 'decide', description: 'Decisions for workers. They never wait for the store.' },
      { name: 'report', description: 'Outcomes and labels of generations. They are stored durably before the reply.' },
      { name: 'generations', description: 'The decision log: the request and the decision at each step of a generation.' },
      { name: 'contexts', description: 'Contexts, and the learned state of each.' },
      { name: 'operate', description: 'Policies, pins and resets of contexts.' },
      { name: 'snapshot', description: 'The snapshot in force, and the history of changes.' },
      { name: 'predictors', description: 'Learned scores that can replace the raw confidence, trained by the service or imported.' },
      { name: 'training', description: 'Exact Match and tokens of the checkpoints of training runs.' },
      { name: 'health', description: 'Probes for the orchestrator, and metrics for Prometheus.' },
    ],
  },
  // The document states the role that the guard checks. OpenAPI 3.1 puts it where OAuth has scopes.
  transform: ({ schema, url, route }) => {
    const { role } = route.config ?? {}
    const body = schema?.body !== undefined && { body: bodyOf(schema.body as object, role) }
    return { schema: { ...schema, ...body, security: role === undefined || role === 'open' ? [] : [{ bearer: [role] }] }, url }
  },
  transformObject: (document) => {
    if (!('openapiObject' in document)) return document.swaggerObject
    const { paths, ...rest } = document.openapiObject
    for (const operations of Object.values(paths as Record<string, Record<string, Operation>>)) Object.values(operations).forEach(complete)
    const schemas: Record<string, Json> = {}
    const responses = hoistSchemas(ERROR_RESPONSES as unknown as Json, schemas) // JSON, but interfaces have no index signature
    const components = { ...rest.components, responses, schemas }
    // `hoistSchemas` maps JSON to JSON and loses the type of the document.
    return { ...rest, paths: hoistSchemas(paths as Json, schemas), components } as unknown as typeof document.openapiObject
  },
}

/** What a body may be. Replies use the schemas of some bodies as well, in their strict form, so these get titles of their own. */
function bodyOf (schema: object, role: string | undefined): object {
  const body = lenient(schema)
  return role === 'worker' ? body : retitled(body as Json) as object
}

function retitled (schema: Json): Json {
  if (schema === null || typeof schema !== 'object') return schema
  if (Array.isArray(schema)) return schema.map(retitled)
  return Object.fromEntries(Object.entries(schema).map(([name, value]) =>
    [name, name === 'title' && typeof value === 'string' ? `${value}Body` : name === 'examples' ? value : retitled(value)]))
}

interface Operation { operationId: string, security: unknown[], responses: Record<string, { $ref?: string, links?: object }> }

/** Adds the error replies that operations share, and links to the operations that may follow. */
function complete (operation: Operation): void {
  const { '4XX': _, '5XX': __, ...own } = operation.responses // schemas of errors, which only the serializer needs
  operation.responses = { ...errorResponsesOf(operation.security.length === 0), ...own }
  for (const [status, links] of responseLinks(operation.operationId)) operation.responses[status]!.links = links
}
