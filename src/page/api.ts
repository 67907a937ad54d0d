import type { Type } from '#typebox'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { ContextDetailSchema } from '../../openapi/context-schemas.js'
import type { FleetPageSchema, FleetSchema, PauseSchema, StoreLossSchema } from '../../openapi/fleet-schemas.js'
import type { GenerationSchema, StopsSchema } from '../../openapi/generation-schemas.js'
import type { AuditSchema, CommandDryRunSchema, PolicyReplySchema } from '../../openapi/policy-schemas.js'
import type { PredictorListSchema } from '../../openapi/predictor-schemas.js'
import type { ContextHistorySchema, HistorySchema, ReadySchema } from '../../openapi/snapshot-schemas.js'
import type { SavingsSchema } from '../../openapi/savings-schemas.js'
import type { TradeoffSchema } from '../../openapi/tradeoff-schemas.js'
import type { RunListSchema, RunSchema } from '../../openapi/training-run-schemas.js'

/** Replies of the API. */
export type FleetReply = Type.Static<typeof FleetSchema>
export type SavingsReply = Type.Static<typeof SavingsSchema>
export type PauseReply = Type.Static<typeof PauseSchema>
export type StoreLossReply = Type.Static<typeof StoreLossSchema>
export type FleetPageReply = Type.Static<typeof FleetPageSchema>
export type FleetRow = FleetPageReply['contexts'][number]
export type ContextDetail = Type.Static<typeof ContextDetailSchema>
export type TradeoffReply = Type.Static<typeof TradeoffSchema>
export type GenerationReply = Type.Static<typeof GenerationSchema>
export type StopsReply = Type.Static<typeof StopsSchema>
export type History = Type.Static<typeof HistorySchema>
export type ContextHistory = Type.Static<typeof ContextHistorySchema>
export type HistoryChange = History['changes'][number]
export type Audit = Type.Static<typeof AuditSchema>
export type Ready = Type.Static<typeof ReadySchema>
export type PolicyReply = Type.Static<typeof PolicyReplySchema>
/** The effect of a command on one context. */
export type CommandEffect = Type.Static<typeof CommandDryRunSchema>['contexts'][number]
export type PolicyFields = PolicyReply['effective']
export type PredictorList = Type.Static<typeof PredictorListSchema>
export type RunList = Type.Static<typeof RunListSchema>
export type Run = Type.Static<typeof RunSchema>
export type Suite = Run['suites'][number]

/** A reply that is no success, with the message of the service. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor (status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The service's own words are about writes. */
const UNREAD = 'The store cannot be reached, so this cannot be read now. It is read again every few seconds.'

interface ApiOptions {
  readonly fetch: typeof fetch
  /** The token of the user; `null`: none was given. */
  readonly token: () => string | null
  /** Called when the service wants a token, or another one. */
  readonly onRefused: () => void
}

/** Calls the service that this page came from. Paths are relative, such as `v1/fleet`. */
export function createApi ({ fetch, token, onRefused }: ApiOptions) {
  async function request (method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const bearer = token()
    const json = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = { ...(bearer !== null && { authorization: `Bearer ${bearer}` }), ...(body !== undefined && { 'content-type': 'application/json' }) }
    const reply = await fetch(path, { method, headers, ...json, ...(signal && { signal }) })
      .catch(() => { throw new ApiError(0, 'UNREACHABLE', 'The service cannot be reached. Figures on this page may be old.') })
    if (reply.ok) return reply
    if (reply.status === 401) onRefused()
    const error = await reply.json().catch(() => ({})) as { code?: string, message?: string, warnings?: string[] }
    const message = error.message ?? error.warnings?.join(' ') // a replica that is not ready has warnings alone
    const isUnread = method === 'GET' && error.code === 'STORE_UNAVAILABLE'
    throw new ApiError(reply.status, error.code ?? 'UNKNOWN', isUnread ? UNREAD : message || `The service answered ${reply.status}.`)
  }

  return {
    /** Sends JSON and reads JSON; `null` for a reply without a body. @throws ApiError */
    async call<T> (method: string, path: string, body?: unknown, signal?: AbortSignal) {
      const reply = await request(method, path, body, signal)
      return (reply.status === 204 ? null : await reply.json()) as T
    },
    /** A reply whose body is read as it comes. @throws ApiError */
    async open (path: string, signal: AbortSignal) { return (await request('GET', path, undefined, signal)).body! },
  }
}

/**
 * Reads server-sent events from a body. (EventSource can't send a token.) Ends when the body does.
 * @param onEvent gets each message as soon as it is complete
 */
export async function readEventStream (body: ReadableStream<Uint8Array>, onEvent: (event: EventSourceMessage) => void): Promise<void> {
  const parser = createParser({ onEvent })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    parser.feed(decoder.decode(value, { stream: true }))
  }
}
