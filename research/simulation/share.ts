import { seededRandom, shuffle } from '../../src/cli/traces/seeded-random.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { PROFILES } from '../../src/cli/traces/simulated-generation.js'
import { tracesText, type TraceFile } from '../../test/test-data.js'
import { simulatedService, type FullRun } from '../../test/simulation/service.js'
import { generate } from '../../test/simulation/stream.js'

// Tokens saved over a whole stream, learning included, under the `auto` control share and under fixed shares.

export const SHARES = ['auto', 0.02, 0.05, 0.1, 0.2, 0.5] as const

/** Real traces, each under the levels that give its contexts enough generations; played once. */
export const TRACES = [
  { file: 'frontier-self-consistency', levels: ['task'] },
  { file: 'older-self-consistency', levels: ['task'] },
  { file: 'reasoner', levels: ['model', 'task'] },
] as const

/** The saved fraction of the tokens of the full runs, and the net EM lost. */
export interface ShareFigures { readonly saved: number, readonly lost: number }

export function playUnderShare (
  share: typeof SHARES[number], levels: readonly string[], runs: Iterable<FullRun>, seed: number): ShareFigures {
  return playUnder({ control_rate: share }, levels, runs, seed)
}

export function playUnder (policy: PolicyPatch, levels: readonly string[], runs: Iterable<FullRun>, seed: number): ShareFigures {
  const service = simulatedService(`salt-${seed}`, levels, policy)
  let [tokens, full, lost, generations] = [0, 0, 0, 0]
  for (const run of runs) {
    const step = run.steps[service.serve(run).stoppedAt]
    full += run.tokens
    tokens += step === undefined ? run.tokens : Math.min(step.tokens + (run.answer_tokens ?? 0), run.tokens)
    lost += step === undefined ? 0 : run.em! - step.em!
    generations++
  }
  return { saved: 1 - tokens / full, lost: lost / generations }
}

/** The three contexts of synthetic generations in turn. */
export function * simulatedRuns (seed: number, count: number): Generator<FullRun> {
  const random = seededRandom(seed)
  for (let i = 0; i < count; i++) yield generate(random, PROFILES[i % PROFILES.length]!, `share-${seed}-${i}`).run
}

/** Draws `count` generations from real ones with replacement, and separates them from their groups. */
export function * resampled (runs: readonly FullRun[], seed: number, count: number): Generator<FullRun> {
  const random = seededRandom(seed)
  for (let i = 0; i < count; i++) {
    const { group_id: _, sample_index: __, ...run } = runs[Math.floor(random() * runs.length)]!
    yield { ...run, generation_id: `resampled-${seed}-${i}` }
  }
}

/** The runs of a trace file, under some levels. */
export function readTraceRuns (file: TraceFile, levels: readonly string[]): FullRun[] {
  return tracesText(file).trimEnd().split('\n').map((line) => {
    const run: FullRun = JSON.parse(line)
    return { ...run, context: Object.fromEntries(levels.map((level) => [level, run.context![level]!])) }
  })
}

export const inRandomOrder = (runs: readonly FullRun[], seed: number): FullRun[] => shuffle(seededRandom(seed), runs)
