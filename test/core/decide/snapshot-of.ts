import { BUDGETS, GRID } from '../../../src/core/decide/grid.js'
import type { ChainLink } from '../../../src/core/learn/chain-link.js'
import type { Guarantee } from '../../../src/core/decide/guarantee.js'
import { ALL_LABELS } from '../../../src/core/decide/rule.js'
import type { Pin } from '../../../src/core/policy/pin.js'
import { compileSnapshot } from '../../../src/core/learn/compile-snapshot.js'
import type { Snapshot } from '../../../src/core/decide/snapshot.js'
import { chainOf, type Levels } from '../../../src/core/policy/context.js'
import { DEFAULT_POLICY, type Policy, TOKENS } from '../../../src/core/policy/policy.js'
import type { Predictor } from '../../../src/core/scores/predictor.js'
import { AT_TEST_CADENCE } from '../../test-cadence.js'

/** The fields of a context's link that a test states: a pin by its threshold and by the name of the predictor that it is for. */
export type LinkFields = Partial<Omit<ChainLink, 'key' | 'policy' | 'pin'>> & {
  readonly policy?: Partial<Policy>
  readonly pin?: number | null
  readonly pinScorer?: string | null
}

export const GUARANTEE: Guarantee = {
  max_em_drop: 0.02,
  error_level: 0.05,
  total_error_level: 0.05,
  post_hoc: false,
  about: 'exact match',
  as_judged: false,
  since: 1_759_566_600_000,
  until: 1_759_569_150_000,
  units: 300,
  cancelled_ratio: 0,
  total_em_drop_bound: null,
  since_step: null,
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

export function linkWith (key: string, { policy, pin, pinScorer, ...rest }: LinkFields = {}): ChainLink {
  const index = rest.index ?? -1
  const ownPolicy = { ...DEFAULT_POLICY, ...AT_TEST_CADENCE, ...policy }
  const grid = { [PREDICTOR.name]: PREDICTOR.grid, [TOKENS]: BUDGETS }[ownPolicy.score] ?? GRID
  const pinned: Pin | undefined = pin === undefined ? undefined : { threshold: pin, reason: 'test', by: 'ops', expires_at: null, ...(pinScorer && { scorer: pinScorer }) }
  return {
    key,
    policy: ownPolicy,
    checkDistance: undefined,
    uncertified: 'learning',
    pin: pinned,
    index,
    threshold: grid[index] ?? null,
    generations: 0,
    epochName: null,
    labelReach: ALL_LABELS,
    leftEpoch: null,
    knownEpoch: null,
    probeForm: null,
    isSuspended: false,
    isUnreadable: false,
    warnings: [],
    learnedControlShare: undefined,
    guarantee: index === -1 ? null : GUARANTEE,
    ...rest,
  }
}

/** A snapshot of the contexts named, and of their ancestors, which have no state. */
export function snapshotOf (contexts: Record<string, LinkFields>, levels: Levels = ['model', 'task'], salt: string | null = 'salt'): Snapshot {
  const keys = new Set(['*', ...Object.keys(contexts).flatMap(chainOf)])
  const links = new Map([...keys].map((key) => [key, linkWith(key, contexts[key])]))
  return compileSnapshot({ stateId: 'test', version: 7, levels, salt }, links, new Map([[PREDICTOR.name, PREDICTOR]]))
}
