import { until, type Built } from './helper.js'

export const CONTEXT = { model: 'q', task: 'gsm8k' }
export const KEY = 'model=q,task=gsm8k'

/** An outcome of a full run that loses nothing by stopping at 32 of its 64 tokens, with confidence 0.95. */
export function losslessOutcome (id: string, context: Record<string, string> = CONTEXT) {
  return {
    generation_id: id,
    arm: 'control',
    context,
    tokens: 64,
    em: 1,
    answer: id,
    steps: [{ tokens: 32, confidence: 0.95, em: 1, answer: id }, { tokens: 64, confidence: 0.99, em: 1, answer: id }],
  }
}

/** Reports outcomes as a worker does, and again while the store does not answer in time. */
export async function report (
  post: (path: string, body: unknown) => Promise<{ status: number }>, outcomes: readonly object[]
): Promise<void> {
  await until('the outcomes are accepted', async () => {
    const { status } = await post('/v1/outcomes/batch', { outcomes })
    if (status !== 202 && status !== 503) throw new Error(`outcomes were refused with ${status}`)
    return status === 202
  })
}

/** Reports enough lossless generations for a first certificate at the default policy, and waits until it is in force here. */
export async function certify (built: Pick<Built, 'send' | 'snapshotHolder'>, context: Record<string, string> = CONTEXT, generations = 300): Promise<void> {
  const name = JSON.stringify(context)
  const outcomes = Array.from({ length: generations }, (_, i) => losslessOutcome(`lossless-${name.length}-${context.task}-${i}`, context))
  await report((path, body) => built.send('POST', path, body), outcomes)
  await until(`${name} is certified`, async () => {
    const { body } = await built.send('POST', '/v1/decisions', { arm: 'control', tokens: 32, confidence: 1, context })
    return body.threshold !== null && body.guarantee?.generations >= 186 && built.snapshotHolder.lag() === 0
  })
}
