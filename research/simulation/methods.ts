import { emDrop, type Evidence } from '../../src/core/stats/evidence.js'
import { addTrace } from '../../src/core/stats/evidence-sum.js'
import { stopsOf, type Trace } from '../../src/core/stats/trace.js'
import { GRID } from '../../src/core/decide/grid.js'
import { NO_EVIDENCE } from '../../test/core/stats/no-evidence.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { simulatedService } from '../../test/simulation/service.js'
import { CONTEXT, KEY, LEVELS, type Simulated } from '../../test/simulation/stream.js'

// Three methods that choose a threshold from what control generations show. All choose from the grid and aim to lose at most max_em_drop.

const BOUND = DEFAULT_POLICY.max_em_drop

export interface Method {
  /** Grid index in force, -1 for never. */
  readonly index: () => number
  /** Runs one generation. @returns the step it was stopped at, -1 for none */
  readonly run: (generation: Simulated, u: number) => number
}

/** The service itself. It draws `u` from its own salt. */
export function ours (seed: number): Method {
  const service = simulatedService(`salt-${seed}`, LEVELS)
  return {
    index: () => service.state(KEY)?.rule.index ?? -1,
    run: ({ run }) => service.serve({ ...run, context: CONTEXT }).stoppedAt,
  }
}

/** Generations that a fixed threshold is calibrated on. */
export const CALIBRATION = 500

/**
 * Calibrated once: the first 500 generations run in full; the loosest threshold that lost at most max_em_drop of them (net) then stays in
 * force for good.
 */
export function fixedOffline (): Method {
  let evidence = NO_EVIDENCE
  let index = -1
  return {
    index: () => index,
    run (generation) {
      if (evidence.generations === CALIBRATION) return stepAt(generation, index)
      evidence = add(evidence, generation)
      if (evidence.generations === CALIBRATION) index = GRID.findLastIndex((_, k) => emDrop(evidence, k) <= BOUND)
      return -1
    },
  }
}

const WARM_UP = 186 // as many full runs as the service needs at least
const REMEMBERED = 1000
const GAMMA = 0.005 // Gibbs & Candes, section 4

/**
 * Adaptive conformal inference (Gibbs & Candes 2021), adapted to this setting: a control generation's nonconformity is the safest threshold
 * that would have lost its answer. The threshold in force is the loosest one below which at most a share alpha_t of the last 1,000 control
 * generations fall (the conformal quantile, with its +1), err_t says whether the one in force would have lost this generation's answer, and
 *   alpha_{t+1} = alpha_t + gamma (alpha - err_t),   alpha = max_em_drop, gamma = 0.005.
 * Feedback comes from control generations alone, at the `auto` share of its own savings, and all are control until 186 were seen.
 */
export function adaptiveConformal (): Method {
  const remembered: { firstLost: number, trace: Trace }[] = []
  let alpha = BOUND
  let index = -1
  let generations = 0
  let saved = 0

  function learn (generation: Simulated): void {
    const trace = traceOf(generation)
    const stops = stopsOf(trace, 0)
    if (index !== -1) alpha += GAMMA * (BOUND - (stops[index]!.delta === 1 ? 1 : 0))
    const firstLost = stops.findIndex(({ delta }) => delta === 1)
    remembered.push({ firstLost: firstLost === -1 ? GRID.length : firstLost, trace })
    if (remembered.length > REMEMBERED) remembered.shift()
    if (remembered.length < WARM_UP) return
    index = conformalIndex()
    if (index !== -1) saved = savedBy(index)
  }

  function conformalIndex (): number {
    const lostFrom = GRID.map(() => 0)
    for (const { firstLost } of remembered) if (firstLost < GRID.length) lostFrom[firstLost]!++
    let lost = 1
    for (let k = 0; k < GRID.length; k++) {
      lost += lostFrom[k]!
      if (lost > alpha * (remembered.length + 1)) return k - 1
    }
    return GRID.length - 1
  }

  function savedBy (k: number): number {
    let [tokens, full] = [0, 0]
    for (const { trace } of remembered) {
      const stop = trace.steps.find(({ score }) => score! >= GRID[k]!)
      tokens += stop === undefined ? trace.tokens : Math.min(stop.tokens + trace.answerTokens, trace.tokens)
      full += trace.tokens
    }
    return 1 - tokens / full
  }

  return {
    index: () => index,
    run (generation, u) {
      generations++
      const share = remembered.length < WARM_UP ? 1 : controlShare(saved, generations)
      if (u >= share) return stepAt(generation, index)
      learn(generation)
      return -1
    },
  }
}

/** A share that falls as savings and generations grow: where a threshold saves little, control generations cost little. */
function controlShare (saved: number, generations: number): number {
  return Math.min(1, Math.max(0.02, 0.1 / saved * Math.sqrt(200 / (generations + 200))))
}

function stepAt ({ steps }: Simulated, index: number): number {
  return index === -1 ? -1 : steps.findIndex(({ confidence }) => confidence >= GRID[index]!)
}

function traceOf ({ tokens, em, steps, run }: Simulated): Trace {
  const answerTokens = run.answer_tokens ?? 0
  const probed = steps.map((step) => ({ tokens: step.tokens, score: step.confidence, em: step.em }))
  return { tokens, answerTokens, em, isComplete: true, steps: probed }
}

function add (evidence: Evidence, generation: Simulated): Evidence {
  const trace = traceOf(generation)
  return addTrace(evidence, trace, stopsOf(trace, 0))
}
