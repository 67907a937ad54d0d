import { shuffle, type Random } from '../traces/seeded-random.js'
import type { Levels } from '../../core/policy/context.js'
import type { ReportedOutcome } from '../../core/grading/outcome.js'
import { playGeneration, type Gate, type Served } from './play-generation.js'
import type { RecordedRun } from '../traces/recorded-run.js'

interface Grouped { readonly outcome: Pick<ReportedOutcome, 'group_id'> }

/** The order of a replay: groups are shuffled, and the generations of a group stay together, since they share a prompt. */
export function orderByGroup<R extends Grouped> (random: Random, runs: readonly R[]): R[] {
  const groups = new Map<string, R[]>()
  for (const [i, run] of runs.entries()) {
    const { group_id: group } = run.outcome
    const key = group === undefined ? `generation ${i}` : `group ${group}`
    const members = groups.get(key)
    if (members === undefined) groups.set(key, [run]); else members.push(run)
  }
  return shuffle(random, [...groups.values()]).flat()
}

export interface PlayOptions {
  /** Generations in flight at a time. */
  readonly concurrency: number
  readonly signal: AbortSignal
  readonly onServed: (served: Served) => void
}

/** Plays the runs in order. Rejects with the first failure or the signal's reason; no further generation starts then. */
export async function playAll (
  gate: Gate, levels: Levels, runs: readonly RecordedRun[], { concurrency, signal, onServed }: PlayOptions): Promise<void> {
  const queue = runs.values()
  let isFailed = false
  const work = async () => {
    for (const run of queue) {
      signal.throwIfAborted()
      if (isFailed) return
      onServed(await playGeneration(gate, levels, run))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, () => work().catch((error) => {
    isFailed = true
    throw error
  })))
}
