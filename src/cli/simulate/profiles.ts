import type { Profile } from './simulate-generation.js'

const REASONER = { everyTokens: 32, answerTokens: 12, medianSteps: 16, choices: null, lateGain: 0 } as const

/** The contexts that `simulate` writes. */
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

/** A context in which stopping loses exactly this much EM at every threshold and step, which a certificate must not miss. */
export function plantedProfile (emDrop: number): Profile {
  return {
    ...REASONER,
    context: { model: 'planted', task: 'planted' },
    start: { mean: 0, deviation: 0 },
    step: { drift: 0, deviation: 0 },
    confidence: { scale: 1, shift: 9, noise: 0 },
    lateGain: emDrop,
  }
}
