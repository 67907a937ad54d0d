import { isDeepStrictEqual } from 'node:util'
import type { Ledger } from '../core/learn/fold.js'
import { inStep } from '../core/learn/learn-command.js'
import type { Command, PredictorEntry } from '../core/learn/log-entry.js'
import { UNREADABLE_POLICY } from '../core/policy/policy.js'
import { fingerprintOf } from '../core/predictor/fingerprint.js'
import { UNREADABLE_PIN } from '../store/damaged.js'
import type { Store } from '../store/store.js'

/** What is said of them in the audit trail. */
const ORIGIN = { by: 'stopgate', reason: 'the log had it in an entry that could not be read' }

/**
 * What the tables have and the ledger has not, as entries: replicas go by the tables, and the learner by the log, where it may have been
 * damaged. One that is still to come in the log says the same twice, which changes nothing.
 */
export async function missedCommands (
  store: Pick<Store, 'policies' | 'pins' | 'predictors' | 'damagedPredictors'>, ledger: Ledger
): Promise<Array<Command | PredictorEntry>> {
  const [policies, pins, versions] = await Promise.all([store.policies(), store.pins(), store.predictors()])
  const damaged = await store.damagedPredictors()
  const live = [...versions.values()].filter(({ retired_at: end }) => end === null).map(({ predictor }) => predictor)
  const prints = new Map(live.map((predictor) => [predictor.name, fingerprintOf(predictor)]))
  const known = new Map(ledger.predictors.map(({ name, fingerprint }) => [name, fingerprint ?? prints.get(name)]))
  return [
    ...differing(ledger.policies, policies).filter((key) => policies.get(key) !== UNREADABLE_POLICY)
      .map((key) => ({ type: 'policy' as const, key, policy: policies.get(key) ?? null, ...ORIGIN })),
    ...inStep(differing(ledger.pins, pins).filter((key) => pins.get(key) !== UNREADABLE_PIN)
      .map((key) => ({ type: 'pin' as const, key, pin: pins.get(key) ?? null, ...ORIGIN }))),
    ...differing(known, prints).filter((name) => !damaged.includes(name))
      .map((name) => ({ type: 'predictor' as const, name, version: versions.get(name) ?? null, ...ORIGIN })),
  ]
}

function differing (known: ReadonlyMap<string, unknown>, stated: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...known.keys(), ...stated.keys()])].filter((key) => !isDeepStrictEqual(known.get(key), stated.get(key)))
}
