import { type Profile, simulateGeneration } from '../../src/cli/traces/simulated-generation.js'
import { NO_EVIDENCE } from '../../test/core/stats/no-evidence.js'
import { truthOf } from '../../test/simulated-truth.js'
import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { addTrace } from '../../src/core/stats/evidence-sum.js'
import { emDrop, type Evidence, tokensSavedRatio } from '../../src/core/stats/evidence.js'
import { GRID } from '../../src/core/decide/grid.js'
import { stopsOf } from '../../src/core/stats/trace.js'
import { curvePoints, predictedDrop, segmentsOf } from '../../src/core/reports/curve.js'
import { kneeOf } from '../../src/core/reports/tradeoff.js'

// Errors of the turning points of the trade-off, where the true curve is known.

/** Allowed EM drop, within the range of each simulated context. */
export const BOUND = 0.02
const LEVEL = 0.05
const TRUTH = 1_000_000

/** The true curve as evidence without noise: a million generations that lose and save the true means. */
export function trueEvidence (profile: Profile, generations: number, seed = 1): Evidence {
  const rows = truthOf(profile, generations, seededRandom(seed))
  return {
    ...NO_EVIDENCE,
    generations: TRUTH,
    full_tokens: TRUTH,
    lost: rows.map(({ em_drop }) => TRUTH * Math.max(0, em_drop)),
    gained: rows.map(({ em_drop }) => TRUTH * Math.max(0, -em_drop)),
    tokens: rows.map(({ tokens_saved_ratio }) => TRUTH * (1 - tokens_saved_ratio)),
  }
}

/** The evidence of a context after control generations. */
export function gatherEvidence (profile: Profile, generations: number, seed: number): Evidence {
  const random = seededRandom(seed)
  let evidence = NO_EVIDENCE
  for (let i = 0; i < generations; i++) {
    const { tokens, em, steps } = simulateGeneration(random, profile)
    const scored = steps.map((step) => ({ tokens: step.tokens, score: step.confidence, em: step.em }))
    const trace = { tokens, answerTokens: profile.answerTokens, em, isComplete: true, steps: scored }
    evidence = addTrace(evidence, trace, stopsOf(trace, 0))
  }
  return evidence
}

/** Errors of the trade-off computed from one draw of evidence. Distances are fractions of the tokens of a full run. */
export interface TradeoffErrors {
  /** `null`: no knee was seen. */
  readonly knee: number | null
  /** `null`: no turn was seen. */
  readonly turn: number | null
  /** True EM drop at the estimated turn less that at the true one. */
  readonly turnDrop: number | null
  /** Share of the intervals of tokens saved that contain the truth. */
  readonly tokensHeld: number
}

export function tradeoffErrors (evidence: Evidence, truth: Evidence): TradeoffErrors {
  const saved = (k: number) => k === -1 ? 0 : tokensSavedRatio(truth, k)
  const drop = (k: number) => k === -1 ? 0 : emDrop(truth, k)
  const segments = segmentsOf(evidence)
  const trueSegments = segmentsOf(truth)
  const knee = kneeOf(evidence, segments)
  const trueKnee = kneeOf(truth, trueSegments)!
  const turnOf = (of: Evidence, curve: typeof segments) => GRID.findIndex((_, k) => predictedDrop(of, curve, k) > BOUND)
  const turn = turnOf(evidence, segments)
  const trueTurn = turnOf(truth, trueSegments)
  const points = curvePoints({ score: '', accounted: evidence, grid: GRID, bar: -Math.log(LEVEL), index: -1, suspicion: 1 }, segments, -1).slice(1)
  const held = points.filter((point, k) => point.tokens_saved_low <= saved(k) && saved(k) <= point.tokens_saved_high)
  return {
    knee: knee && Math.abs(saved(knee.index) - saved(trueKnee.index)),
    turn: turn === -1 ? null : Math.abs(saved(turn) - saved(trueTurn)),
    turnDrop: turn === -1 ? null : drop(turn) - drop(trueTurn),
    tokensHeld: held.length / points.length,
  }
}
