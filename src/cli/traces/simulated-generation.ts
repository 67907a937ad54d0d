import { normal, type Random } from './seeded-random.js'
import type { Context } from '../../core/policy/index.js'
import type { Em } from '../../core/decide/index.js'

/** Parameters of the generations of a context. Evidence is in log-odds, lengths in tokens. */
export interface Profile {
  readonly context: Context
  readonly everyTokens: number
  readonly answerTokens: number
  /** Median number of steps; 90 % of generations lie within a factor of 2. */
  readonly medianSteps: number
  /** Number of answers to choose from, whose inverse is the lowest chance; `null`: an open question. */
  readonly choices: number | null
  /** Evidence for the right answer at the first step, distributed over generations. */
  readonly start: { readonly mean: number, readonly deviation: number }
  /** Change of the evidence in a step; a drift above 0 means that thinking helps. */
  readonly step: { readonly drift: number, readonly deviation: number }
  /** The confidence is computed from `scale * evidence + shift + noise`; scale 1, shift 0 and noise 0 make it calibrated. */
  readonly confidence: { readonly scale: number, readonly shift: number, readonly noise: number }
  /** By how much the chance that the full answer is right exceeds that of the last step. */
  readonly lateGain: number
}

export interface SimulatedStep {
  readonly tokens: number
  readonly confidence: number
  readonly signals: { readonly entropy: number, readonly answer_streak: number }
  readonly em: Em
  /** The true chance that an answer forced here is right. */
  readonly chance: number
}

export type SimulatedGeneration = ReturnType<typeof simulateGeneration>

/**
 * Simulates a generation: evidence for the right answer follows a random walk, and the answer at a step is right if a draw, one for the
 * whole generation, is below the chance that the evidence gives. So EM at every step has exactly that chance, answers mostly persist, and
 * the true loss by stopping is known: the difference between two chances.
 */
export function simulateGeneration (random: Random, profile: Profile) {
  const { everyTokens, answerTokens, choices, start, step: walk, confidence: reading } = profile
  const floor = choices === null ? 0 : 1 / choices
  const chanceOf = (logOdds: number) => floor + (1 - floor) * sigmoid(logOdds)
  const luck = random()
  const isRight = (chance: number): Em => luck < chance ? 1 : 0

  const count = Math.max(1, Math.round(profile.medianSteps * Math.exp(0.42 * normal(random))))
  const steps: SimulatedStep[] = []
  let evidence = start.mean + start.deviation * normal(random)
  let streak = 0
  for (let i = 1; i <= count; i++) {
    if (i > 1) evidence += walk.drift + walk.deviation * normal(random)
    const chance = chanceOf(evidence)
    const em = isRight(chance)
    // A wrong answer is sometimes replaced by another wrong one, more often when evidence is low.
    const isSame = i > 1 && steps.at(-1)!.em === em && (em === 1 || random() < 0.5 + 0.5 * chance)
    streak = isSame ? streak + 1 : 1
    steps.push({
      tokens: i * everyTokens,
      confidence: round(chanceOf(reading.scale * evidence + reading.shift + reading.noise * normal(random))),
      signals: { entropy: round(entropy(chance)), answer_streak: streak },
      em,
      chance,
    })
  }
  const chance = Math.min(1, chanceOf(evidence) + profile.lateGain)
  const tail = Math.floor(random() * everyTokens)
  return { tokens: count * everyTokens + tail + answerTokens, em: isRight(chance), chance, steps }
}

function sigmoid (logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds))
}

/** Entropy of whether the answer is right, nats. Unlike the confidence it is calibrated, so that a predictor can learn from it. */
function entropy (chance: number): number {
  const part = (p: number) => p === 0 ? 0 : -p * Math.log(p)
  return part(chance) + part(1 - chance)
}

function round (value: number): number {
  return Math.round(value * 10_000) / 10_000
}

/** A reasoner, but for its answers. */
export const REASONER = { everyTokens: 32, answerTokens: 12, medianSteps: 16, choices: null, lateGain: 0 } as const

/** The contexts of synthetic generations. */
export const PROFILES: readonly Profile[] = [
  { // calibrated
    ...REASONER,
    context: { model: 'steady-8b', task: 'math' },
    start: { mean: 0, deviation: 1 },
    step: { drift: 0.3, deviation: 0.5 },
    confidence: { scale: 1, shift: 0, noise: 0 },
  },
  { // overconfident: sure long before it is right
    ...REASONER,
    context: { model: 'bold-8b', task: 'math' },
    start: { mean: -1, deviation: 1 },
    step: { drift: 0.3, deviation: 0.5 },
    confidence: { scale: 1.2, shift: 2, noise: 0.3 },
  },
  { // multiple choice with four answers: easy to guess, quick to decide
    ...REASONER,
    context: { model: 'steady-8b', task: 'choices' },
    answerTokens: 4,
    medianSteps: 10,
    choices: 4,
    start: { mean: 0.5, deviation: 1.5 },
    step: { drift: 0.25, deviation: 0.4 },
    confidence: { scale: 1, shift: 0, noise: 0.5 },
  },
]
