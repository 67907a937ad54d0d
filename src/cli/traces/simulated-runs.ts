import type { ReportedOutcome } from '../../core/outcome/index.js'
import { readRecordedRun } from './read-traces.js'
import type { RecordedRun } from './recorded-run.js'
import { type Random, seededRandom } from './seeded-random.js'
import { type Profile, PROFILES, simulateGeneration } from './simulated-generation.js'

/** Synthetic generations of the profiles in turn. */
export function simulatedRuns (count: number, seed: number, profiles: readonly Profile[] = PROFILES): RecordedRun[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, i) => {
    const outcome = outcomeOf(random, profiles[i % profiles.length]!, `simulated-${seed}-${i}`)
    return readRecordedRun(outcome.generation_id, JSON.stringify(outcome))
  })
}

function outcomeOf (random: Random, profile: Profile, generation_id: string): ReportedOutcome {
  const { tokens, em, steps } = simulateGeneration(random, profile)
  const { context, answerTokens: answer_tokens } = profile
  return { generation_id, context, tokens, answer_tokens, em, steps: steps.map(({ chance, ...step }) => step) }
}
