import type { Levels } from '../../core/policy/context.js'
import { seededRandom } from '../traces/seeded-random.js'
import { compareByContext, type Comparison, type ContextComparison, type Finish } from './compare.js'
import type { HttpClient } from '../command-line/http-client.js'
import { orderByGroup, playAll } from './play-all.js'
import type { Served } from './play-generation.js'
import { keyUnder, type RecordedRun } from '../traces/recorded-run.js'
import type { ServiceClient } from './service-client.js'

/** How long to wait at the end until everything was learned, ms. */
const LEARNING_WAIT_MS = 30_000

export interface ReplayRequest {
  readonly runs: readonly RecordedRun[]
  readonly service: ServiceClient
  readonly requests: HttpClient['requests']
  readonly concurrency: number
  readonly seed: number
  readonly signal: AbortSignal
  readonly onServed: (served: Served) => void
  /** Called with what the reader of the figures must know. */
  readonly onNote: (note: string) => void
}

/** What a replay came to; `--json` writes it. */
export interface ReplayResult {
  readonly seed: number
  readonly concurrency: number
  readonly levels: Levels
  readonly seconds: number
  readonly requests: number
  readonly contexts: readonly ContextComparison[]
  readonly total: Comparison
}

/** Plays the runs against a service and compares what it served with the other ways to stop. */
export async function runReplay (
  { runs, service, requests, concurrency, seed, signal, onServed, onNote }: ReplayRequest): Promise<ReplayResult> {
  const levels = await service.levels()
  const keys = new Set(runs.map((run) => keyUnder(levels, run)))
  await noteSettling(service, keys, onNote)

  const startedAt = performance.now()
  const served: Served[] = []
  await playAll(service, levels, orderByGroup(seededRandom(seed), runs), {
    concurrency, signal, onServed (one) { served.push(one); onServed(one) },
  })
  const seconds = (performance.now() - startedAt) / 1000

  if (service.duplicates() > 0) onNote(`${service.duplicates()} of the outcomes had been reported to this service before: it did not learn from them again`)
  if (!await service.hasLearned(LEARNING_WAIT_MS)) onNote('the service has not learned from all outcomes yet: the thresholds shown are those of now')
  const finishes = await readFinishes(service, keys)
  return { seed, concurrency, levels, seconds, requests: requests(), ...compareByContext(levels, served, (key) => finishes.get(key)!) }
}

/** Early outcomes are no evidence to a policy that settles; the policy is the operator's, so a replay only says so. */
async function noteSettling (service: ServiceClient, keys: ReadonlySet<string>, onNote: ReplayRequest['onNote']): Promise<void> {
  const settling: string[] = []
  let longest = 0
  for (const key of keys) {
    const { settle_seconds: seconds } = await service.policy(key)
    if (seconds > 0) settling.push(key)
    longest = Math.max(longest, seconds)
  }
  if (settling.length === 0) return
  onNote(`settle_seconds is up to ${longest} in ${settling.length} of ${keys.size} contexts: outcomes that arrive this soon after an epoch ` +
    'starts are not evidence, and a replay may be over before. Its policy was left as it is')
}

async function readFinishes (service: ServiceClient, keys: ReadonlySet<string>): Promise<Map<string, Finish>> {
  const finishes = new Map<string, Finish>((await service.contexts()).map((context) => [context.key, context]))
  for (const key of keys) { // one beyond MAX_CONTEXTS has no state of its own
    if (!finishes.has(key)) finishes.set(key, { threshold: null, scope: 'none', score: 'confidence', policy: await service.policy(key) })
  }
  return finishes
}
