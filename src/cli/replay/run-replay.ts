import { seededRandom } from '../traces/seeded-random.js'
import { compareByContext, type FinalState } from './comparison.js'
import type { HttpClient } from '../command-line/http-client.js'
import { orderByGroup, playAll, type PlayOptions, type PlayedRun } from './play-runs.js'
import { keyAtLevels, type RecordedRun } from '../traces/recorded-run.js'
import type { ReplayClient } from './service-client.js'

/** How long to wait for the learner at the end, ms. */
const LEARNING_WAIT_MS = 30_000

export interface ReplayRequest extends PlayOptions {
  readonly runs: readonly RecordedRun[]
  readonly service: ReplayClient
  readonly requests: HttpClient['requests']
  readonly seed: number
  /** Called with notes for the reader of the figures. */
  readonly onNote: (note: string) => void
}

export type ReplayResult = Awaited<ReturnType<typeof runReplay>>

/** Plays the runs against a service and compares the result with other ways to stop. @returns the figures, as `--json` writes them */
export async function runReplay (
  { runs, service, requests, concurrency, seed, signal, onServed, onNote }: ReplayRequest) {
  const levels = await service.levels()
  const keys = new Set(runs.map((run) => keyAtLevels(levels, run)))
  await noteFollowUp(service, keys, onNote)

  const startedAt = performance.now()
  const served: PlayedRun[] = []
  await playAll(service, levels, orderByGroup(seededRandom(seed), runs), {
    concurrency, signal, onServed (one) { served.push(one); onServed(one) },
  })
  const seconds = (performance.now() - startedAt) / 1000

  if (service.duplicates() > 0) onNote(`${service.duplicates()} of the outcomes were already known to this service: it did not learn from them again`)
  if (!await service.hasLearned(LEARNING_WAIT_MS)) onNote('the service has not learned from all outcomes yet: the table shows its current thresholds')
  const finishes = await readFinishes(service, keys)
  return { seed, concurrency, levels, seconds, requests: requests(), ...compareByContext(levels, served, (key) => finishes.get(key)!) }
}

/** Slices of enrolments last at least a 64th of the follow-up. The policy belongs to the operator, so a replay only notes it. */
async function noteFollowUp (service: ReplayClient, keys: ReadonlySet<string>, onNote: ReplayRequest['onNote']): Promise<void> {
  const followed: string[] = []
  let longest = 0
  let longestSpan = 0
  for (const key of keys) {
    const { follow_up_seconds: seconds, evidence_span_seconds: span } = await service.policy(key)
    if (seconds > 0) followed.push(key)
    longestSpan = Math.max(longestSpan, seconds > 0 ? span : 0)
    longest = Math.max(longest, seconds)
  }
  if (followed.length === 0) return
  onNote(`follow_up_seconds is up to ${longest} in ${followed.length} of ${keys.size} contexts: evidence is taken in slices that ` +
    'last at least a 64th of it, and a replay may end before. The policy was left as it is')
  if (longestSpan > 0) {
    onNote(`a first certificate takes evidence_span_seconds, up to ${longestSpan} seconds: set it to 0 for a replay, since the order of ` +
      'shuffled records carries no information')
  }
}

async function readFinishes (service: ReplayClient, keys: ReadonlySet<string>): Promise<Map<string, FinalState>> {
  const finishes = new Map<string, FinalState>((await service.contexts()).map((context) => [context.key, context]))
  for (const key of keys) { // a context beyond MAX_CONTEXTS has no state
    if (!finishes.has(key)) finishes.set(key, { threshold: null, scope: 'none', score: 'confidence', policy: await service.policy(key) })
  }
  return finishes
}
