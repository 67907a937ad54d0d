import { murmur3 } from '../decide/hash.js'
import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'
import { gridOf, type ScoredBy, scoreOf } from '../decide/scorer.js'
import { SignalNames } from '../scores/reservoir.js'
import { sampledIndexes } from '../scores/sample.js'

/** An outcome that awaits its label, or its entry in an enrolment list. */
export interface PendingOutcome {
  readonly outcome: PrunedOutcome
  /** Context keys of its leaf, and of the link that gathers the evidence. */
  readonly leaf: string
  readonly key: string
}

/**
 * The outcomes that are kept until their label or enrolment arrives, by generation id. Cohorts bound their number. Part of committed state:
 * changes since the last `takeChanges` go into the commit. Mutable; a learner whose commit failed starts over from the store.
 */
export class PendingOutcomes {
  readonly #byId: Map<string, PendingOutcome>
  readonly #names: SignalNames
  #changes = new Map<string, PendingOutcome | undefined>()

  /** @param names counts the names of their signals */
  constructor (stored: Iterable<PendingOutcome> = [], names = new SignalNames()) {
    this.#byId = new Map([...stored].map((pending) => [pending.outcome.generation_id, pending]))
    this.#names = names
    for (const { leaf, outcome } of this.#byId.values()) names.add(leaf, outcome.steps)
  }

  get size (): number { return this.#byId.size }

  get (id: string): PendingOutcome | undefined { return this.#byId.get(id) }

  values (): Iterable<PendingOutcome> { return this.#byId.values() }

  set (pending: PendingOutcome): void {
    const { generation_id: id } = pending.outcome
    this.#uncount(id)
    this.#byId.set(id, pending)
    this.#names.add(pending.leaf, pending.outcome.steps)
    this.#changes.set(id, pending)
  }

  remove (id: string): void {
    this.#uncount(id)
    if (this.#byId.delete(id)) this.#changes.set(id, undefined)
  }

  /** The outcomes that were set or removed (`undefined`) since the last call, by generation id. */
  takeChanges (): ReadonlyMap<string, PendingOutcome | undefined> {
    const changes = this.#changes
    this.#changes = new Map()
    return changes
  }

  #uncount (id: string): void {
    const pending = this.#byId.get(id)
    if (pending !== undefined) this.#names.remove(pending.leaf, pending.outcome.steps)
  }
}

/** A step with its index among all steps that were asked; absent: no step was pruned before it. */
export type PlacedStep = LoggedStep & { readonly place?: number }

/** An outcome without the steps that change no evidence. */
export type PrunedOutcome = Omit<LoggedOutcome, 'steps'> & {
  readonly steps: readonly PlacedStep[] | null
  /** How many steps were asked; absent: none was pruned. */
  readonly asked?: number
}

/** The purposes that the kept steps must serve. */
interface Pruning {
  /** `min_tokens` of each context that learns from the outcome. */
  readonly minTokens: readonly number[]
  readonly scorer: ScoredBy
  /** Whether a predictor may be trained on the steps, which needs more than the crossings. */
  readonly isSampled: boolean
}

/**
 * Keeps the steps at which some threshold is first crossed, at most one for each threshold: others change no evidence. This saves
 * memory, as thousands of outcomes may wait for labels.
 */
export function pruneSteps (outcome: PrunedOutcome, { minTokens, scorer, isSampled }: Pruning): PrunedOutcome {
  const { steps } = outcome
  if (steps === null) return outcome
  const kept = new Set(isSampled ? sampledIndexes(steps) : [])
  for (const min of new Set(minTokens)) {
    keepCrossings(kept, steps, min, gridOf(scorer), (step) => scoreOf(scorer, step))
  }
  return { ...outcome, steps: steps.flatMap((step, place) => kept.has(place) ? [{ ...step, place }] : []), asked: steps.length }
}

function keepCrossings (
  kept: Set<number>, steps: readonly LoggedStep[], min: number, grid: readonly number[], scoreOf: (step: LoggedStep) => number | null
): void {
  let open = grid.length - 1 // thresholds 0..open are not crossed yet
  for (const [place, step] of steps.entries()) {
    const score = step.tokens < min ? null : scoreOf(step)
    if (score === null || open < 0 || score < grid[open]!) continue
    kept.add(place)
    while (open >= 0 && score >= grid[open]!) open--
  }
}

/** Traces that are kept of a context at most, and shared out evenly among many contexts. */
export const SLOTS_OF_CONTEXT = 256
export const SLOTS = 32_768
/** Longer traces are not kept. */
export const MAX_TRACE_STEPS = 1024
/** Of a long epoch, at least this share of the traces takes the place of an older one, so that the sample does not become old. */
const MIN_TRACE_SHARE = 1 / 16

/**
 * The slot of a context that keeps the trace of a generation; `null`: none. The choice is by a hash of its id, and so says nothing
 * of how it went. At first every trace is kept; later ever fewer, so that all parts of an epoch are in the sample and the store is seldom
 * written. A generation that is not taken now is not taken later in the epoch either.
 * @param reported control generations that the epoch has had so far
 * @param contexts that exist
 */
export function traceSlot (generationId: string, reported: number, contexts: number): number | null {
  const slots = Math.max(1, Math.min(SLOTS_OF_CONTEXT, Math.floor(SLOTS / contexts)))
  const hash = murmur3(`trace:${generationId}`)
  const share = Math.max(MIN_TRACE_SHARE, slots / Math.max(1, reported))
  return hash / 0x1_0000_0000 < share ? murmur3(`slot:${generationId}`) % slots : null
}
