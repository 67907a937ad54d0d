import fc from 'fast-check'
import type { Test } from 'tap'
import { openapiDocument } from '../../../src/cli/openapi.js'
import { losslessOutcome } from '../../certify.js'
import { type Built } from '../../helper.js'
import { operationsOf, requestTo, type FuzzRequest } from './request.js'
import { replyCheck, type Reply } from '../../openapi/reply-check.js'

const HANGS_AFTER_MS = 10_000

export interface Bombarded { readonly statuses: Map<number, number>, readonly rejected: FuzzRequest[] }

/** Creates a context that learns and an outcome that waits for its label, for requests to find. */
export async function prepare ({ send }: Built): Promise<void> {
  await send('POST', '/v1/outcomes', losslessOutcome('first'))
  await send('POST', '/v1/outcomes', { ...losslessOutcome('unlabelled'), em: undefined })
}

/**
 * Sends requests to every operation of the document. Asserts that each gets a reply that the document describes, that no status is 5xx
 * except those in `allowed`, and that a rejected request writes nothing.
 * @returns the number of replies by status, and some of the rejected requests
 */
export async function bombard (t: Test, built: Built, requests: number, { seed = 7, allowed = [] as number[] } = {}): Promise<Bombarded> {
  const document = JSON.parse(await openapiDocument())
  const check = replyCheck(document)
  const operations = operationsOf(document)
  const writes = countWrites(built)
  const statuses = new Map<number, number>()
  const rejected: FuzzRequest[] = []
  const numRuns = Math.ceil(requests / operations.length)
  for (const operation of operations) {
    await fc.assert(fc.asyncProperty(requestTo(operation, document), async (request) => {
      const before = writes()
      const reply = await sendRaw(built, request)
      const { status } = reply
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      const problem = status >= 500 && !allowed.includes(status) && !(operation.path === '/readyz' && status === 503)
        ? `status ${status}: ${reply.body}`
        : status >= 400 && writes() !== before ? `rejected with ${status}, but something was written` : check(operation, reply)
      if (problem !== null) throw new Error(`${problem}\n${JSON.stringify(request)}`)
      if (status >= 400 && rejected.length < requests / 10) rejected.push(request)
    }), { seed, numRuns })
    t.pass(`${numRuns} requests to ${operation.method} ${operation.path}`)
  }
  return { statuses, rejected }
}

export async function sendRaw ({ app }: Pick<Built, 'app'>, request: FuzzRequest): Promise<Reply> {
  let timer: NodeJS.Timeout
  const hang = new Promise<never>((resolve, reject) => { timer = setTimeout(() => reject(new Error(`no reply: ${JSON.stringify(request)}`)), HANGS_AFTER_MS) })
  const { statusCode, headers, body } = await Promise.race([app.inject(request as object), hang]).finally(() => clearTimeout(timer))
  return { status: statusCode, headers, body }
}

/** Entries that the service appends by itself, some of them only after the request that caused them. */
const OWN = new Set(['tick', 'enrolment'])

/** Counts writes that requests cause, queued ones included. */
function countWrites ({ store }: Built): () => number {
  let writes = 0
  const { append } = store
  Object.assign(store, {
    append: async (...args: Parameters<typeof append>) => {
      const appended = await append.apply(store, args)
      writes += appended.filter((result, i) => result === 'accepted' && !OWN.has(args[0][i]!.type)).length
      return appended
    },
  })
  return () => writes
}
