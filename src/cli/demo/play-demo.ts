import { setTimeout } from 'node:timers/promises'
import type { Change } from '../../core/learn/index.js'
import { contextKey } from '../../core/policy/index.js'
import type { HttpClient } from '../command-line/http-client.js'
import type { Profile } from '../traces/simulated-generation.js'
import { seededRandom } from '../traces/seeded-random.js'
import { createFleet, addScores, EMPTY_SCORE, type Score } from './demo-fleet.js'

interface DemoOptions {
  readonly client: Pick<HttpClient, 'send'>
  readonly seed: number
  readonly models: readonly Profile[]
  /** The replacement of the first model. */
  readonly replacement: Profile
  /** Generations of each model at a time. */
  readonly width: number
  /** Time from one step of all generations to the next, ms. */
  readonly stepMs: number
  /** Generations of the first model from its certificate to its replacement, and from its new certificate to the end. */
  readonly stretch: number
  readonly signal: AbortSignal
  readonly onEvent: (event: DemoEvent) => void
}

type ThresholdChange = Pick<Change, 'key' | 'cause' | 'before' | 'after'>

/** An event that is reported while the demo runs. */
export type DemoEvent =
  | { readonly type: 'progress', readonly score: Score }
  | { readonly type: 'changed', readonly change: ThresholdChange, readonly generations: number }
  | { readonly type: 'replaced', readonly key: string }

/** The parts of the demo, by the state of the first model. */
export const PARTS = ['learning', 'certified', 'drifted', 'relearning', 'recertified'] as const
export type Part = typeof PARTS[number]

export type DemoResult = Awaited<ReturnType<typeof playDemo>>

/** Number of generations of the first model after which a part ends even if the expected event has not occurred. */
const MAX_PART_GENERATIONS = 40_000
const WATCH_MS = 250
/** Number of newest changes read at a time: many more than occur between two reads. */
const HISTORY_LIMIT = 500
const PROGRESS_MS = 5000

/**
 * Plays the demo against a service that has no evidence yet, until its end or until the signal is aborted.
 * @returns scores of the first model by part and of all models, seconds to the first model's first certificate, the last part reached
 */
export async function playDemo (options: DemoOptions) {
  const { client, seed, models, replacement, width, stepMs, stretch, signal, onEvent } = options
  const key = contextKey(Object.keys(replacement.context), replacement.context)
  const first: Record<Part, Score> =
    { learning: EMPTY_SCORE, certified: EMPTY_SCORE, drifted: EMPTY_SCORE, relearning: EMPTY_SCORE, recertified: EMPTY_SCORE }
  const counts = models.map(() => 0)
  let part: Part = 'learning'
  let total = EMPTY_SCORE
  const fleet = createFleet({
    client,
    random: seededRandom(seed),
    models,
    width,
    onEnd (model, score) {
      counts[model]!++
      total = addScores(total, score)
      if (model === 0) first[part] = addScores(first[part], score)
    },
  })

  let last = ''
  let threshold: number | null = null
  async function watch (): Promise<void> {
    const { changes } = await client.send('GET', `/v1/history?limit=${HISTORY_LIMIT}`) as { changes: ThresholdChange[] }
    const at = changes.findIndex((change) => JSON.stringify(change) === last)
    for (const change of changes.slice(0, at === -1 ? undefined : at).reverse()) {
      const model = models.findIndex(({ context }) => contextKey(Object.keys(context), context) === change.key)
      if (change.key === key) threshold = change.after
      if (change.before !== change.after) onEvent({ type: 'changed', change, generations: counts[model] ?? 0 })
    }
    if (changes.length > 0) last = JSON.stringify(changes[0])
  }

  /** Whether the part is over: its event has occurred, or it has had enough generations. */
  function isOver (): boolean {
    const { generations } = first[part]
    if (generations >= MAX_PART_GENERATIONS) return true
    switch (part) {
      case 'learning': case 'relearning': return threshold !== null
      case 'certified': case 'recertified': return generations >= stretch
      case 'drifted': return threshold === null
    }
  }

  const startedAt = performance.now()
  let certifiedSeconds = Infinity
  let [watchAt, progressAt] = [startedAt, startedAt + PROGRESS_MS]
  while (!signal.aborted) {
    const steppedAt = performance.now()
    await fleet.step()
    if (steppedAt >= watchAt) {
      await watch()
      watchAt = steppedAt + WATCH_MS
      if (isOver()) {
        if (part === 'learning') certifiedSeconds = (steppedAt - startedAt) / 1000
        if (part === 'recertified') break
        part = PARTS[PARTS.indexOf(part) + 1]!
        if (part === 'drifted') {
          fleet.replace(0, replacement)
          onEvent({ type: 'replaced', key })
        }
      }
    }
    if (steppedAt >= progressAt) {
      onEvent({ type: 'progress', score: total })
      progressAt = steppedAt + PROGRESS_MS
    }
    await setTimeout(Math.max(0, stepMs - (performance.now() - steppedAt)))
  }
  return { first, total, certifiedSeconds, part }
}
