import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { PROFILES } from '../../src/cli/traces/simulated-generation.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { truthAt } from '../../test/simulation/drift.js'
import { adaptiveConformal, fixedOffline, ours, type Method } from './methods.js'
import { generationsOf, overconfident, planted, SIX_POINTS, TRIPLED, type Stream } from '../../test/simulation/stream.js'

// Compares a fixed threshold, adaptive conformal inference alone and the service on the same streams. Losses are true chances rather than
// draws, so the only noise in the figures is that of the methods.

export const LENGTH = 40_000
export const SHIFT_AT = LENGTH / 2

export const STREAMS: Readonly<Record<string, Stream>> = {
  'no shift': constant(overconfident(0)),
  'risk 0 -> 6 %': shifted(planted(0), planted(0.06)),
  'risk tripled': shifted(overconfident(0), overconfident(TRIPLED)),
  'gradual drift': gradual(),
  overconfident: constant(PROFILES[1]!),
}

export const METHODS: Readonly<Record<string, (seed: number) => Method>> = {
  'fixed, calibrated once': fixedOffline,
  'adaptive conformal alone': adaptiveConformal,
  stopgate: ours,
}

/** Fractions, except `lostAfterShift`, which counts answers. */
export interface Figures {
  readonly saved: number
  readonly emDrop: number
  /** EM lost in the worst 1,000 consecutive treated generations. */
  readonly worstWindow: number
  /** Share of the time in which the threshold in force truly loses more than the bound. */
  readonly overBound: number
  readonly lostAfterShift: number
}

const WINDOW = 1000

export function play (stream: Stream, method: Method, seed: number, length = LENGTH): Figures {
  const draw = seededRandom(seed + 1_000_000)
  const window: number[] = []
  let [tokens, full, lost, lostAfterShift, over, inWindow, worst, i] = [0, 0, 0, 0, 0, 0, 0, 0]
  for (const generation of generationsOf(stream, seed, length)) {
    if (truthAt(stream(i), method.index()).em_drop > DEFAULT_POLICY.max_em_drop) over++
    const { steps, chance, run } = generation
    const step = steps[method.run(generation, draw())]
    const drop = step === undefined ? 0 : chance - step.chance
    full += run.tokens
    tokens += step === undefined ? run.tokens : Math.min(step.tokens + (run.answer_tokens ?? 0), run.tokens)
    lost += drop
    if (i++ >= length / 2) lostAfterShift += drop
    if (step === undefined) continue
    window.push(drop)
    inWindow += drop - (window.length > WINDOW ? window[window.length - 1 - WINDOW]! : 0)
    if (window.length >= WINDOW) worst = Math.max(worst, inWindow / WINDOW)
  }
  return { saved: 1 - tokens / full, emDrop: lost / length, worstWindow: worst, overBound: over / length, lostAfterShift }
}

function constant (profile: ReturnType<Stream>): Stream {
  return () => profile
}

function shifted (before: ReturnType<Stream>, after: ReturnType<Stream>): Stream {
  return (i) => i < SHIFT_AT ? before : after
}

/** After a quarter of the stream the confidence becomes more and more inflated, in 30 steps. */
function gradual (): Stream {
  const profiles = Array.from({ length: 31 }, (_, step) => overconfident(SIX_POINTS * step / 30))
  return (i) => profiles[Math.max(0, Math.ceil(30 * (i / LENGTH - 0.25) / 0.75))]!
}
