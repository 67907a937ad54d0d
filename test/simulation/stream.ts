import { seededRandom, type Random } from '../../src/cli/traces/seeded-random.js'
import { PROFILES, simulateGeneration, type Profile, type SimulatedGeneration } from '../../src/cli/traces/simulated-generation.js'
import { plantedProfile } from '../simulated-truth.js'
import type { FullRun } from './service.js'

/** A stream of one context: the profile of the i-th generation. */
export type Stream = (i: number) => Profile

/** The calibrated synthetic reasoner with its confidence inflated by `shift` (log-odds). */
export function overconfident (shift: number): Profile {
  return { ...PROFILES[0]!, confidence: { scale: 1, shift, noise: 0 } }
}

/** Shifts under which stopping at 0.9730 loses three times the original 0.8 points, and six points (`truthOf`). */
export const TRIPLED = 0.93
export const SIX_POINTS = 1.63

/** Stopping loses exactly this much, at every threshold. */
export const planted = (emDrop: number): Profile => ({ ...plantedProfile(emDrop), context: CONTEXT })

/** The context of every stream. */
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
