import { setTimeout } from 'node:timers/promises'
import type { Levels } from '../../core/policy/context.js'
import type { ReportedOutcome } from '../../core/outcome/outcome.js'
import type { ContextView } from '../../core/reports/context-report.js'
import type { Policy } from '../../core/policy/policy.js'
import { ServiceError, type HttpClient } from '../command-line/http-client.js'
import type { Decision, Step } from '../../core/decide/decide.js'
import type { Problem } from '../../errors/errors.js'
import type { WorkerApi } from './play-runs.js'

export type ReplayClient = ReturnType<typeof createReplayClient>

interface SnapshotState { readonly levels: Levels, readonly age_seconds: number | null }
interface Page { readonly contexts: ContextView[], readonly next: string | null }

/** The calls that a replay makes to a service. */
export function createReplayClient ({ send }: Pick<HttpClient, 'send'>) {
  let duplicates = 0
  let reportedAt = performance.now()

  return {
    /** Number of outcomes whose generation_id the service already knew. */
    duplicates: () => duplicates,
    decide: batchSteps(send),

    async report (outcome: ReportedOutcome) {
      const reply = await send('POST', '/v1/outcomes', outcome) as { duplicates: number }
      duplicates += reply.duplicates
      reportedAt = performance.now()
    },

    levels: async () => (await send('GET', '/v1/snapshot') as SnapshotState).levels,
    /** The policy in force in a context. */
    policy: async (key: string) => (await send('GET', `/v1/contexts/${encodeURIComponent(key)}/policy`) as { effective: Policy }).effective,

    /** All contexts of the service. */
    async contexts () {
      const contexts: ContextView[] = []
      let after: string | null = ''
      do {
        const page: Page = await send('GET', `/v1/contexts?limit=200${after && `&after=${encodeURIComponent(after)}`}`) as Page
        contexts.push(...page.contexts)
        after = page.next
      } while (after !== null)
      return contexts
    },

    /** Waits up to `waitMs` until all reported outcomes were learned. @returns whether they were */
    async hasLearned (waitMs: number) {
      const deadline = performance.now() + waitMs
      for (;;) {
        const askedAt = performance.now()
        const { age_seconds: age } = await send('GET', '/v1/snapshot') as SnapshotState
        // The snapshot was up to date at a time after the last outcome was stored.
        if (age !== null && askedAt - age * 1000 > reportedAt) return true
        if (askedAt > deadline) return false
        await setTimeout(50)
      }
    },
  }
}

/** Most steps of a request: longer ones gain no speed. */
const MAX_BATCH_STEPS = 256

interface Waiting {
  readonly step: Step
  readonly resolve: (decision: Decision) => void
  readonly reject: (error: unknown) => void
}

interface BatchReply { readonly decisions: ReadonlyArray<Decision | { readonly error: Problem }> }

/** Asks for the decisions of steps that wait at the same time in one request, as an engine does for the generations of a batch. */
export function batchSteps (send: HttpClient['send']): WorkerApi['decide'] {
  const waiting: Waiting[] = []

  async function ask (asked: readonly Waiting[]): Promise<void> {
    const { decisions } = await send('POST', '/v1/decisions/batch', { steps: asked.map(({ step }) => step) }) as BatchReply
    for (const [i, { resolve, reject }] of asked.entries()) {
      const decision = decisions[i]
      if (decision === undefined) reject(new ServiceError('the service answered fewer decisions than it was asked for'))
      else if ('error' in decision) reject(new ServiceError(`a step was refused: ${decision.error.path} ${decision.error.message}`))
      else resolve(decision)
    }
  }

  function askAll (): void {
    while (waiting.length > 0) {
      const asked = waiting.splice(0, MAX_BATCH_STEPS)
      ask(asked).catch((error) => { for (const { reject } of asked) reject(error) })
    }
  }

  return (step) => new Promise((resolve, reject) => {
    if (waiting.push({ step, resolve, reject }) === 1) setImmediate(askAll)
  })
}
