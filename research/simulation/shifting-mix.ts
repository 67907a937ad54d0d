import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { simulatedService } from '../../test/simulation/service.js'
import { generate, planted } from '../../test/simulation/stream.js'

// A pool of two members, one of which loses nothing and the other 6 points. The pool is certified while the second has a tenth of the
// traffic, and loses 0.6 points on average; then its share rises to 60 %, and the average to 3.6 points.

const HARD = 0.06
const SHARE_BEFORE = 0.1
const SHARE_AFTER = 0.6

export interface MixOptions {
  readonly control_rate: NonNullable<PolicyPatch['control_rate']>
  /** Generations before the shift, learning included, and at most after it. */
  readonly before: number
  readonly after: number
  /** Whether the members are contexts of their own. If not, the pool has only its own detector. */
  readonly hasMembers: boolean
}

/** The events after the shift, counted in generations of the pool. */
export interface Mix {
  /** Generations until the second member had no threshold; Infinity: it had one to the end. */
  readonly generations: number
  readonly controls: number
  /** Control generations of the second member. */
  readonly own: number
  /** Answers lost until then, in expectation, and the points of EM that this is. */
  readonly lost: number
  readonly points: number
  /** Whether the second member left; otherwise the pool itself lost its threshold. */
  readonly isAlone: boolean
}

/** @returns `null` where the second member had no threshold at the shift: the pool was not certified, or it had left before */
export function playMix ({ control_rate, before, after, hasMembers }: MixOptions, seed: number): Mix | null {
  const service = simulatedService(`salt-${seed}`, ['task'], { certify_at: '*', control_rate })
  const random = seededRandom(seed)
  const member = (isHard: boolean) => ({ task: hasMembers && isHard ? 'hard' : 'kind' })
  const hasThreshold = () => service.rule(member(true)).threshold !== null
  let [controls, own, lost] = [0, 0, 0]
  for (let i = 0; i < before + after; i++) {
    if (i === before && !hasThreshold()) return null
    const isHard = random() < (i < before ? SHARE_BEFORE : SHARE_AFTER)
    const { run, chance, steps } = generate(random, planted(isHard ? HARD : 0), `mix-${seed}-${i}`, member(isHard))
    const { arm, stoppedAt } = service.serve(run)
    if (i < before) continue
    if (arm === 'control') controls++
    if (arm === 'control' && isHard) own++
    if (stoppedAt !== -1) lost += chance - steps[stoppedAt]!.chance
    if (hasThreshold()) continue
    const generations = i - before + 1
    return { generations, controls, own, lost, points: lost / generations, isAlone: service.changes.at(-1)?.cause === 'left_pool' }
  }
  return { generations: Infinity, controls, own, lost, points: lost / after, isAlone: false }
}
