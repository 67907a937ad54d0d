import type { Decision, Step } from '../../core/decide/decide.js'
import type { Problem } from '../../errors/problem.js'
import { ServiceError, type HttpClient } from '../command-line/http-client.js'
import type { Gate } from './play-generation.js'

/** Most steps of a request: longer ones gain no speed. */
const MOST = 256

interface Waiting {
  readonly step: Step
  readonly resolve: (decision: Decision) => void
  readonly reject: (error: unknown) => void
}

interface BatchReply { readonly decisions: ReadonlyArray<Decision | { readonly error: Problem }> }

/** Asks for the decisions of steps that wait at the same time in one request, as an engine does for the generations of a batch. */
export function batchSteps (send: HttpClient['send']): Gate['decide'] {
  const waiting: Waiting[] = []

  async function ask (asked: readonly Waiting[]): Promise<void> {
    const { decisions } = await send('POST', '/v1/decisions/batch', { steps: asked.map(({ step }) => step) }) as BatchReply
    for (const [i, { resolve, reject }] of asked.entries()) {
      const decision = decisions[i]!
      if ('error' in decision) reject(new ServiceError(`a step was refused: ${decision.error.path} ${decision.error.message}`))
      else resolve(decision)
    }
  }

  function askAll (): void {
    while (waiting.length > 0) {
      const asked = waiting.splice(0, MOST)
      ask(asked).catch((error) => { for (const { reject } of asked) reject(error) })
    }
  }

  return (step) => new Promise((resolve, reject) => {
    if (waiting.push({ step, resolve, reject }) === 1) setImmediate(askAll)
  })
}
