import { ruleFor } from '../src/core/decide/snapshot.js'
import type { ReportedOutcome } from '../src/core/outcome/outcome.js'
import { until, type Built } from './helper.js'

export const CONTEXT = { model: 'q', task: 'gsm8k' }
export const KEY = 'model=q,task=gsm8k'

/** An outcome of a full run that loses nothing by stopping at 32 of its 64 tokens, with confidence 0.95. */
export function losslessOutcome (id: string, context: Record<string, string> = CONTEXT) {
  return {
    generation_id: id,
    samples: 1,
    arm: 'control',
    context,
    tokens: 64,
    em: 1,
    answer: id,
    steps: [{ tokens: 32, confidence: 0.95, em: 1, answer: id }, { tokens: 64, confidence: 0.99, em: 1, answer: id }],
  }
}

type Post = (path: string, body: unknown) => Promise<{ status: number, body: any }>

/** An outcome to report, with the fields by which its generation is drawn. */
type Finished = Pick<ReportedOutcome, 'generation_id' | 'group_id' | 'prompt_hash' | 'context' | 'retry_of'> & { readonly arm?: string }

/** Sends a request until it is accepted. The service refuses it while it is busy, or its store does not answer in time. */
async function sendUntilAccepted (post: Post, path: string, body: unknown): Promise<any> {
  return await until(`${path} is accepted`, async () => {
    const reply = await post(path, body)
    if (reply.status >= 300 && reply.status !== 503) throw new Error(`${path} was refused with ${reply.status}`)
    return reply.status < 300 && reply.body
  })
}

/**
 * Reports generations as a worker does. The control ones ask at their first steps, so that the service enrols them.
 * @throws Error if the service draws such a generation as treated: then its outcome would be no evidence
 */
export async function report<T extends Finished> (post: Post, outcomes: readonly T[]): Promise<void> {
  await enrol(post, outcomes.filter(({ arm, retry_of: retried }) => arm === 'control' && retried === undefined))
  await sendUntilAccepted(post, '/v1/outcomes/batch', { outcomes })
}

/** Asks at the first steps of control generations, so that the service enrols them. */
export async function enrol (post: Post, outcomes: readonly Finished[]): Promise<void> {
  const steps = outcomes.map(({ generation_id, group_id, prompt_hash, context }) => (
    { generation_id, group_id, prompt_hash, context, tokens: 0, confidence: null }))
  if (steps.length === 0) return
  const { decisions } = await sendUntilAccepted(post, '/v1/decisions/batch', { steps })
  const treated = steps.filter((_, i) => decisions[i].arm !== 'control')
  if (treated.length > 0) throw new Error(`${treated.length} of ${steps.length} generations were drawn as treated, such as ${treated[0]!.generation_id}`)
}

/** The same to a service in this process. */
export async function reportTo<T extends Finished> (
  { send }: Pick<Built, 'send'>, outcomes: readonly T[], headers: Record<string, string> = {}
): Promise<void> {
  await report((path, body) => send('POST', path, body, headers), outcomes)
}

/** Waits until so many control generations are evidence of a context, and this replica decides by them. @returns the context */
export async function untilEvidence (
  { send, snapshotHolder }: Pick<Built, 'send' | 'snapshotHolder'>, generations: number, key = KEY
): Promise<any> {
  return await until(`${generations} generations of ${key} are evidence`, async () => {
    const { body } = await send('GET', `/v1/contexts/${encodeURIComponent(key)}`)
    return body.generations?.control === generations && snapshotHolder.lag() === 0 && body
  })
}

/** Reports enough lossless generations for a first certificate at the default policy, and waits until it is in force here. */
export async function certify (built: Pick<Built, 'send' | 'snapshotHolder'>, context: Record<string, string> = CONTEXT, generations = 300): Promise<void> {
  const name = JSON.stringify(context)
  const outcomes = Array.from({ length: generations }, (_, i) => losslessOutcome(`lossless-${name.length}-${context.task}-${i}`, context))
  await reportTo(built, outcomes)
  await until(`${name} is certified`, async () => {
    const { threshold, guarantee } = ruleFor(built.snapshotHolder.snapshot(), context)
    return threshold !== null && guarantee !== null && guarantee.units >= 186 && built.snapshotHolder.lag() === 0
  })
}
