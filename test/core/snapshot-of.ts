import { chainOf, type Levels } from '../../src/core/context.js'
import type { Pin, Standing } from '../../src/core/in-force.js'
import type { Guarantee } from '../../src/core/judge.js'
import { DEFAULT_POLICY, type Policy } from '../../src/core/policy.js'
import { compileSnapshot } from '../../src/core/compile-snapshot.js'
import type { Snapshot, Standpoint } from '../../src/core/snapshot.js'

/** What stands in one context; a pin is given by its threshold. */
export type Stands = Partial<Omit<Standing, 'key' | 'policy' | 'pin'>> & {
  readonly policy?: Partial<Policy>
  readonly pin?: number | null
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

export function standingWith (key: string, { policy, pin, share: _, ...rest }: Stands = {}): Standing {
  const index = rest.index ?? -1
  const pinned: Pin | undefined = pin === undefined ? undefined : { threshold: pin, reason: 'test', by: 'ops', expires_at: null }
  return {
    key,
    policy: { ...DEFAULT_POLICY, ...policy },
    pin: pinned,
    index,
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
  return compileSnapshot({ stateId: 'test', version: 7, levels, salt }, standpoints)
}
