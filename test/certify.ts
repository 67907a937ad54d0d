import { CONTROL_FLOOR, uniform } from '../src/core/decide/arm.js'
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

/** Two parts begin within a sixth of a span, 167 ms: less than a quarter of the units, as rule E8 asks. */
const [PARTS, APART_MS] = [9, 126]

/** The same, spread over somewhat more than the span of `QUICK_POLICY`. */
export async function reportSpread<T extends Finished> (built: Pick<Built, 'send'>, outcomes: readonly T[]): Promise<void> {
  for (let part = 0; part < PARTS; part++) {
    const due = Date.now() + APART_MS
    await reportTo(built, outcomes.filter((_, i) => i % PARTS === part))
    await until('the next part is due, by the clock of the service', () => Date.now() >= due)
  }
}

let certificates = 0

/** Ids of generations that are control at any share. */
async function controlIds ({ snapshotHolder }: Pick<Built, 'snapshotHolder'>, count: number, prefix: string): Promise<string[]> {
  const salt = await until('the salt is known', () => snapshotHolder.snapshot().salt)
  const ids: string[] = []
  for (let i = 0; ids.length < count; i++) if (uniform(salt, `${prefix}-${i}`) < CONTROL_FLOOR) ids.push(`${prefix}-${i}`)
  return ids
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

/**
 * Reports enough lossless generations for a first certificate at the quick policy, spread over any span that it has, and waits until it
 * is in force here.
 * @returns their ids
 */
export async function certify (
  built: Pick<Built, 'send' | 'snapshotHolder'>, context: Record<string, string> = CONTEXT, generations = 300
): Promise<string[]> {
  const name = JSON.stringify(context)
  const ids = await controlIds(built, 2 * generations, `lossless-${++certificates}`)
  const { evidence_span_seconds: span } = built.snapshotHolder.loaded().inputs.defaultPolicy
  await (span === 0 ? reportTo : reportSpread)(built, ids.slice(0, generations).map((id) => losslessOutcome(id, context)))
  const isCertified = () => {
    const { threshold, guarantee } = ruleFor(built.snapshotHolder.snapshot(), context)
    return threshold !== null && guarantee !== null && guarantee.units >= 186 && built.snapshotHolder.lag() === 0
  }
  // On a busy machine more than a quarter may have begun within a sixth of the span. Later ones make up for that.
  for (let sent = generations; sent < ids.length; sent += 30) {
    if (await until(`${name} is certified`, isCertified, 2).catch(() => false)) return ids.slice(0, sent)
    await reportTo(built, ids.slice(sent, sent + 30).map((id) => losslessOutcome(id, context)))
  }
  await until(`${name} is certified`, isCertified)
  return ids
}
