import { mulberry32 } from './random.js'
import type { Built } from './helper.js'

export const CONTEXT = { model: 'q', task: 'gsm8k' }
export const KEY = 'model=q,task=gsm8k'

/** A generation as its worker lives it: asked every 32 tokens. */
export interface Lived {
  readonly id: string
  readonly tokens: number
  readonly em: 0 | 1
  readonly steps: Array<{ tokens: number, confidence: number, em: 0 | 1 }>
}

/** Generations that grow surer; where they are sure they are mostly right. */
export function lived (count: number, seed = 1): Lived[] {
  const random = mulberry32(seed)
  return Array.from({ length: count }, (_, i) => {
    const length = 2 + Math.floor(random() * 4)
    const steps = Array.from({ length }, (_, j) => {
      const confidence = Math.min(1, 0.3 * random() + 0.7 * (j + 1) / length)
      const isRight = random() < confidence + 0.05 || confidence > 0.95
      return { tokens: 32 * (j + 1), confidence, em: (isRight ? 1 : 0) as 0 | 1 }
    })
    return { id: `g${i}`, tokens: 32 * length + Math.floor(random() * 32), em: 1, steps }
  })
}

type Send = Built['send']

/** The worker's data at the end of each generation: a worker that keeps steps reports `kept`, a lean worker a count. */
export interface Reported { readonly kept: object, readonly lean: object, readonly probes: number }

/**
 * Asks at every step of many generations in lockstep, each time the service at `sendAt(step)`. Where the reply asks for a probe, it probes
 * and asks again.
 */
export async function askThrough (generations: readonly Lived[], sendAt: (step: number) => Send): Promise<Reported[]> {
  const workers = generations.map((lived) => ({ lived, probed: null as number | null, steps: [] as object[], probes: 0 }))
  for (let i = 0; i < Math.max(...generations.map(({ steps }) => steps.length)); i++) {
    const asking = workers.filter(({ lived }) => lived.steps[i] !== undefined)
    const steps = asking.map(({ lived: { id, steps }, probed }) => {
      const { em: _, ...step } = steps[i]!
      return { generation_id: id, context: CONTEXT, ...(i > 0 && { arm: 'control' }), ...step, probed_score: probed }
    })
    const { body } = await sendAt(i)('POST', '/v1/decisions/batch', { steps })
    const probes: object[] = []
    for (const [j, worker] of asking.entries()) {
      const { em, ...step } = worker.lived.steps[i]!
      const { probe } = body.decisions[j]
      worker.steps.push({ ...step, ...(probe && { em }) })
      if (!probe) continue
      worker.probed = step.confidence
      worker.probes++
      probes.push({ ...steps[j], em })
    }
    await sendAt(i + 1)('POST', '/v1/decisions/batch', { steps: probes })
  }
  return workers.map(({ lived: { id, tokens, em, steps: { length } }, steps, probes }) => {
    const outcome = { generation_id: id, arm: 'control', context: CONTEXT, tokens, em }
    return { kept: { ...outcome, steps }, lean: { ...outcome, steps_asked: length }, probes }
  })
}
