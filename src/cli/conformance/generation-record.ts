import { secondHash } from '../../core/decide/index.js'
import type { Context } from '../../core/policy/index.js'

/** A call of the worker, with the reply that the worker received. */
export interface Exchange {
  readonly method: string
  /** Path without its query. */
  readonly path: string
  /** Parsed JSON; `undefined` if there is none. */
  readonly body: any
  /** `null`: the script withheld the service's reply, or sent another one in its place. */
  readonly reply: { readonly status: number, readonly body: any } | null
  /** The reply of the service, if the call was passed on to it. The worker may not have received it. */
  readonly served: { readonly status: number, readonly body: any } | null
  /** How long the worker waited for a reply that the script held back, ms; absent: nothing was held back. */
  readonly waitedMs?: number
}

/** The decision that a worker received. */
interface Told {
  readonly isStop: boolean
  readonly arm: string
  readonly nextCheck: number | null
  readonly warnings: readonly string[]
}

interface AskedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly arm: string | null
  readonly dueTokens: number | null
  readonly promptHash: string | null
  /** `null`: the worker received no decision. */
  readonly told: Told | null
}

interface SentOutcome {
  readonly fields: any
  /** `unknown`: the worker received no reply that says whether it was stored. */
  readonly fate: 'stored' | 'refused' | 'unknown'
  readonly isLabelWanted: boolean
  readonly warnings: readonly string[]
}

/** The calls of a worker about a generation, in their order. */
export interface GenerationRecord {
  readonly id: string
  readonly steps: AskedStep[]
  /** Whether a local decider enrolled it. */
  isEnrolled: boolean
  /** Whether a local decider need not enrol it: it is treated, or its draw is beyond `label_rate`. */
  isExempt: boolean
  readonly outcomes: SentOutcome[]
  labels: number
}

/** Which control generations enrol. */
interface Draws { readonly salt: string, readonly labelRate: number }

/** A step without an id or arm cannot be followed. */
const NO_ID = ''

/**
 * The generations of a list of calls, in the order in which the worker first named them.
 * @param draws of local deciders, which say nothing about them
 */
export function generationsOf (exchanges: readonly Exchange[], draws?: Draws): GenerationRecord[] {
  const records = new Map<string, GenerationRecord>()
  const recordOf = (id: unknown): GenerationRecord => {
    const key = typeof id === 'string' ? id : NO_ID
    if (!records.has(key)) records.set(key, { id: key, steps: [], isEnrolled: false, isExempt: false, outcomes: [], labels: 0 })
    return records.get(key)!
  }
  const isExempt = (one: any) => draws !== undefined && (one?.arm === 'treated' ||
    secondHash(draws.salt, one?.group_id ?? one?.generation_id ?? NO_ID) >= draws.labelRate)
  for (const exchange of exchanges) {
    if (exchange.method !== 'POST') continue
    for (const [id, step] of stepsOf(exchange)) recordOf(id).steps.push(step)
    for (const outcome of outcomesOf(exchange)) {
      const record = recordOf(outcome.fields?.generation_id)
      record.outcomes.push(outcome)
      record.isExempt ||= isExempt(outcome.fields) // a decider that knows label_rate does not enrol it
    }
    const [, labelled] = /^\/v1\/outcomes\/([^/]+)\/label$/.exec(exchange.path) ?? []
    if (labelled !== undefined) recordOf(decodeURIComponent(labelled)).labels++
    if (exchange.path === '/v1/enrolments') {
      for (const one of listOf(exchange.body?.generations)) {
        const record = recordOf(one?.generation_id)
        record.isEnrolled = true
        record.isExempt = isExempt(one)
      }
    }
  }
  return [...records.values()].filter(({ id, steps }) => id !== NO_ID || steps.length > 0)
}

/** The contexts that a call names. */
export function contextsOf ({ body }: Pick<Exchange, 'body'>): Context[] {
  const named = [body, ...listOf(body?.steps), ...listOf(body?.outcomes)].map((one) => one?.context)
  return named.filter((one) => typeof one === 'object' && one !== null && Object.values(one).every((value) => typeof value === 'string'))
}

const listOf = (value: unknown): any[] => Array.isArray(value) ? value : []

function * stepsOf ({ path, body, reply }: Exchange): Generator<[id: unknown, step: AskedStep]> {
  const replied = reply !== null && reply.status < 300 ? reply.body : null
  if (path === '/v1/decisions') yield [body?.generation_id, stepOf(body, toldBy(replied))]
  if (path === '/v1/decisions/batch') {
    for (const [i, step] of listOf(body?.steps).entries()) yield [step?.generation_id, stepOf(step, toldBy(replied?.decisions?.[i]))]
  }
}

function stepOf (step: any, told: Told | null): AskedStep {
  return {
    tokens: step?.tokens,
    confidence: step?.confidence ?? null,
    arm: step?.arm ?? null,
    dueTokens: step?.due_tokens ?? null,
    promptHash: step?.prompt_hash ?? null,
    told,
  }
}

function toldBy (decision: any): Told | null {
  if (typeof decision?.decision !== 'string') return null
  return { isStop: decision.decision === 'stop', arm: decision.arm, nextCheck: decision.next_check_tokens, warnings: decision.warnings }
}

function outcomesOf ({ path, body, reply }: Exchange): SentOutcome[] {
  const isOk = reply !== null && reply.status < 300
  const fate = reply === null ? 'unknown' : isOk ? 'stored' : reply.status === 429 || reply.status >= 500 ? 'unknown' : 'refused'
  const sent = (fields: any, receipt: any, itsFate: SentOutcome['fate']): SentOutcome =>
    ({ fields, fate: itsFate, isLabelWanted: receipt?.label_wanted === true, warnings: receipt?.warnings ?? [] })
  if (path === '/v1/outcomes') return [sent(body, isOk ? reply.body : null, fate)]
  if (path !== '/v1/outcomes/batch') return []
  return listOf(body?.outcomes).map((fields, i) => {
    const receipt = isOk ? reply.body.outcomes[i] : null
    return sent(fields, receipt, isOk && receipt === null ? 'refused' : fate)
  })
}
