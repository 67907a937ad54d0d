import { seededRandom, type Random } from '../../src/commands/traces/seeded-random.js'
import { plantedProfile, PROFILES } from '../../src/commands/simulate/profiles.js'
import { simulateGeneration, type Profile, type SimulatedGeneration } from '../../src/commands/simulate/simulate-generation.js'
import type { FullRun } from './service.js'

/** A stream of one context; what the i-th generation is like may depend on i. */
export type Stream = (i: number) => Profile

/** The calibrated reasoner of `stopgate simulate`, its confidence read this much too high (log-odds). */
export function overconfident (shift: number): Profile {
  return { ...PROFILES[0]!, confidence: { scale: 1, shift, noise: 0 } }
}

/** Triples what stopping loses where it lost 0.8 points before, and makes six points of it (`stopgate simulate --truth`, 0.9730). */
export const TRIPLED = 0.93
export const SIXFOLD = 1.63

/** Stopping loses exactly this much, at every threshold. */
export const planted = (emDrop: number): Profile => ({ ...plantedProfile(emDrop), context: CONTEXT })

/** All streams of one context call it by one name. */
export const CONTEXT = { task: 'simulated' }
export const LEVELS = ['task']
export const KEY = 'task=simulated'

export interface Simulated extends SimulatedGeneration { readonly run: FullRun }

/** The generations of a stream; the same seed gives the same ones to every method. */
export function * generationsOf (stream: Stream, seed: number, count: number): Generator<Simulated> {
  const random = seededRandom(seed)
  for (let i = 0; i < count; i++) yield generate(random, stream(i), `stream-${seed}-${i}`, CONTEXT)
}

export function generate (random: Random, profile: Profile, generation_id: string, context = profile.context): Simulated {
  const generation = simulateGeneration(random, profile)
  const { tokens, em, steps } = generation
  return { ...generation, run: { generation_id, context, tokens, answer_tokens: profile.answerTokens, em, steps } }
}
