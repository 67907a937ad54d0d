import { chainOf, type Levels } from '../../../src/core/policy/context.js'
import type { Pin, ChainLink } from '../../../src/core/judgement/effective-threshold.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { DEFAULT_POLICY, type Policy } from '../../../src/core/policy/policy.js'
import type { Predictor } from '../../../src/core/predictor/predictor.js'
import { compileSnapshot } from '../../../src/core/decide/compile-snapshot.js'
import type { Snapshot, Standpoint } from '../../../src/core/decide/snapshot.js'
import type { Guarantee } from '../../../src/core/judgement/guarantee.js'

/** What stands in one context; a pin is given by its threshold, and by whose score that is for. */
export type Stands = Partial<Omit<ChainLink, 'key' | 'policy' | 'pin'>> & {
  readonly policy?: Partial<Policy>
  readonly pin?: number | null
  readonly pinScorer?: string | null
  readonly share?: number
}

export const GUARANTEE: Guarantee = {
  max_em_drop: 0.02,
  error_level: 0.05,
  post_hoc: false,
  label: 'exact_match',
  labelled_ratio: 1,
  generations: 300,
  em_drop: 0,
  tokens_saved_ratio: 0.5,
  epoch: 1,
}

/** Surer the longer it lasts, less so where entropy is high; in `model=q` it trusts the confidence less. */
export const PREDICTOR: Predictor = {
  name: 'p',
  label: 'exact_match',
  levels: 'model,task',
  signals: [{ name: 'entropy', mean: 0.5, scale: 0.25 }],
  contexts: {
    '*': { log_median: Math.log(100), weights: [1, 1, 0.5, 0.1, -0.6] },
    'model=q': { log_median: Math.log(200), length_power: 0.5, weights: [0.5, 0.4, 0.5, 0, -0.3] },
  },
  grid: GRID.map((_, k) => 0.99 - 0.02 * k),
  trained: { generations: 400, steps: 1000, groups: [] },
}

export function standingWith (key: string, { policy, pin, pinScorer, share: _, ...rest }: Stands = {}): ChainLink {
  const index = rest.index ?? -1
  const grid = rest.scorer == null ? GRID : PREDICTOR.grid
  const pinned: Pin | undefined = pin === undefined ? undefined : { threshold: pin, reason: 'test', by: 'ops', expires_at: null, ...(pinScorer && { scorer: pinScorer }) }
  return {
    key,
    policy: { ...DEFAULT_POLICY, ...policy },
    pin: pinned,
    scorer: null,
    index,
    threshold: index === -1 ? null : grid[index]!,
    trials: [],
    savedRatio: index === -1 ? 0 : 0.5,
    isRecovering: false,
    generations: 0,
    guarantee: index === -1 ? null : GUARANTEE,
    ...rest,
  }
}

/** A snapshot of the contexts named, and of their ancestors, of which nothing is known. */
export function snapshotOf (contexts: Record<string, Stands>, levels: Levels = ['model', 'task'], salt: string | null = 'salt'): Snapshot {
  const standpoints = new Map<string, Standpoint>()
  for (const key of new Set(['*', ...Object.keys(contexts).flatMap(chainOf)])) {
    standpoints.set(key, { standing: standingWith(key, contexts[key]), share: contexts[key]?.share })
  }
  return compileSnapshot({ stateId: 'test', version: 7, levels, salt }, standpoints, new Map([[PREDICTOR.name, PREDICTOR]]))
}
