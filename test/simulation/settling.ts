import { drawArm } from '../../src/core/assignment/arm.js'
import { memoryFold, outcomeOf, SURE_STEP } from '../core/learn/memory-fold.js'
import { mulberry32 } from '../random.js'

// What settling does to the watch for drift: each move of the control share sets aside, for settle_seconds, all that is not control under
// every share of that time. One long-lived context at 20 generations a second, whose net EM drop rises from 0.5 to 6 points (bound 2).

const PER_SECOND = 20
const CERTIFIED_FOR = 80_000

/** From the shift until no threshold is in force: generations, and answers lost by those treated. `share`: mean control share before. */
export interface Watch { readonly generations: number, readonly lost: number, readonly share: number }

export function watchRise (settleSeconds: number, seed: number): Watch {
  const random = mulberry32(seed * 7919)
  const fold = memoryFold({ settle_seconds: settleSeconds }, { levels: [] })
  let [shares, counted] = [0, 0]
  let [generations, lost] = [0, 0]
  for (let i = 0; ; i++) {
    const state = fold.get('*')
    const isShifted = i >= CERTIFIED_FOR
    const share = state?.control_share ?? 1
    if (isShifted && state!.threshold_index === -1) return { generations, lost, share: shares / counted }
    if (!isShifted && i > CERTIFIED_FOR / 4) { shares += share; counted++ }
    const u = random()
    const arm = drawArm(u, share)
    const isLost = random() < (isShifted ? 0.06 : 0.005)
    if (isShifted) { generations++; if (arm === 'treated' && isLost) lost++ }
    const stopped = arm === 'treated' && state!.threshold_index !== -1
    const steps = arm === 'control' ? [{ ...SURE_STEP, exact_match: isLost ? 0 : 1 } as const] : null
    fold.learn(outcomeOf({ generation_id: `g${i}`, u, arm, stopped, context: {}, steps }), i * 1000 / PER_SECOND)
  }
}
