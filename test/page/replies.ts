import { AUDIT_EXAMPLE, CONTEXT_DETAIL_EXAMPLE, FLEET_EXAMPLE, FLEET_PAGE_EXAMPLE, POLICY_REPLY_EXAMPLE } from '../../openapi/examples/context-examples.js'
import { GENERATION_EXAMPLE, STOPS_EXAMPLE } from '../../openapi/examples/decision-examples.js'
import { PREDICTOR_EXAMPLE } from '../../openapi/examples/predictor-examples.js'
import { SAVINGS_EXAMPLE } from '../../openapi/examples/savings-examples.js'
import { CONTEXT_HISTORY_EXAMPLE, HISTORY_EXAMPLE, READY_EXAMPLE } from '../../openapi/examples/snapshot-examples.js'
import { TRADEOFF_EXAMPLE } from '../../openapi/examples/tradeoff-examples.js'
import { RUN_EXAMPLE, RUN_LIST_EXAMPLE } from '../../openapi/examples/training-examples.js'
import type {
  Audit, ContextDetail, ContextHistory, FleetPageReply, FleetReply, FleetRow, GenerationReply, History, PolicyReply, PredictorList,
  Ready, Run, RunList, SavingsReply, StopsReply, TradeoffReply
} from '../../src/page/api.js'
import type { Reply, Request, Service } from './open-page.js'

/** The examples of the API document, which test/openapi/examples.test.ts checks against its schemas. */
const EXAMPLES = {
  ready: READY_EXAMPLE as Ready,
  fleet: FLEET_EXAMPLE as FleetReply,
  savings: SAVINGS_EXAMPLE as SavingsReply,
  rows: FLEET_PAGE_EXAMPLE as FleetPageReply,
  context: CONTEXT_DETAIL_EXAMPLE as ContextDetail,
  tradeoff: TRADEOFF_EXAMPLE as TradeoffReply,
  policy: POLICY_REPLY_EXAMPLE as PolicyReply,
  history: HISTORY_EXAMPLE as History,
  contextHistory: CONTEXT_HISTORY_EXAMPLE as ContextHistory,
  audit: AUDIT_EXAMPLE as Audit,
  runs: RUN_LIST_EXAMPLE as RunList,
  run: RUN_EXAMPLE as Run,
  generation: GENERATION_EXAMPLE as GenerationReply,
  stops: STOPS_EXAMPLE as StopsReply,
  predictors: { predictors: [PREDICTOR_EXAMPLE] } as PredictorList,
}
type Name = keyof typeof EXAMPLES

/** The replies that the service has. Tests may change them while the page is open. */
export type Replies = { [N in Name]: typeof EXAMPLES[N] | Failure }

/** An example reply with other figures. */
export function example<N extends Name> (name: N, changes: Partial<typeof EXAMPLES[N]> = {}): typeof EXAMPLES[N] {
  return { ...EXAMPLES[name], ...changes }
}

/** A row of the table of contexts. */
export const rowOf = (changes: Partial<FleetRow> = {}): FleetRow => ({ ...EXAMPLES.rows.contexts[0]!, ...changes })

/** A time in the past, ISO 8601. */
export const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString()

/** The context of the examples, and its view. */
export const KEY = EXAMPLES.context.key
export const CONTEXT_VIEW = `#/context/${encodeURIComponent(KEY)}`

class Failure { constructor (readonly reply: Reply) {} }

export const failure = (status: number, code: string, message: string): Failure => new Failure({ status, body: { code, message } })

/** The reply of a replica that is not ready: no error, and with a status of its own. */
export const notReady = (warnings: string[]): Failure =>
  new Failure({ status: 503, body: example('ready', { ready: false, warnings }) })

const PATHS: ReadonlyArray<readonly [path: RegExp, name: Name]> = [
  [/^readyz$/, 'ready'], [/^v1\/fleet$/, 'fleet'], [/^v1\/savings\?/, 'savings'], [/^v1\/fleet\/contexts\?/, 'rows'], [/^v1\/contexts\/[^/]+$/, 'context'],
  [/^v1\/contexts\/[^/]+\/tradeoff$/, 'tradeoff'], [/^v1\/contexts\/[^/]+\/policy$/, 'policy'], [/^v1\/history\?/, 'history'],
  [/^v1\/contexts\/[^/]+\/history\?/, 'contextHistory'],
  [/^v1\/audit\?/, 'audit'], [/^v1\/training-runs$/, 'runs'], [/^v1\/training-runs\/[^/]+$/, 'run'],
  [/^v1\/generations\/[^/]+$/, 'generation'], [/^v1\/stops\?/, 'stops'], [/^v1\/predictors$/, 'predictors'],
]

/** A service with these replies, and the examples for the others. */
export function serviceWith (replies: Partial<Replies> = {}): Service {
  return ({ method, path }: Request) => {
    const name = PATHS.find(([pattern]) => method === 'GET' && pattern.test(path))?.[1]
    if (name === undefined) return { status: 404, body: { code: 'NOT_FOUND', message: `There is no ${path}.` } }
    const reply = replies[name] ?? EXAMPLES[name]
    return reply instanceof Failure ? reply.reply : { status: 200, body: reply }
  }
}
