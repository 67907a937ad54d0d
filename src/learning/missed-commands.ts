import { isDeepStrictEqual } from 'node:util'
import type { Ledger } from '../core/learn/fold.js'
import { inStep } from '../core/learn/learn-command.js'
import type { Command, PredictorEntry } from '../core/learn/log-entry.js'
import { UNREADABLE_POLICY } from '../core/policy/policy.js'
import { fingerprintOf } from '../core/predictor/fingerprint.js'
import { UNREADABLE_PIN } from '../store/encoding/stored-values.js'
import type { Store } from '../store/store.js'

/** Who appears in the audit trail, and why. */
const ORIGIN = { by: 'stopgate', reason: 'its log entry could not be read' }

/**
 * Entries that bring the ledger in line with the tables of policies, pins and predictors, for a learner that missed a command because its
 * log entry is unreadable. Replicas decide by the tables. Repeating a command that is still to come in the log changes nothing.
 */
export async function missedCommands (
  store: Pick<Store, 'policies' | 'pins' | 'predictors' | 'damagedPredictors'>, ledger: Ledger
): Promise<Array<Command | PredictorEntry>> {
  const [policies, pins, versions] = await Promise.all([store.policies(), store.pins(), store.predictors()])
  const unreadable = await store.damagedPredictors()
  const live = [...versions.values()].filter(({ retired_at: end }) => end === null).map(({ predictor }) => predictor)
  const fingerprints = new Map(live.map((predictor) => [predictor.name, fingerprintOf(predictor)]))
  const known = new Map(ledger.predictors.map(({ name, fingerprint }) => [name, fingerprint ?? fingerprints.get(name)]))
  return [
    ...differingKeys(ledger.policies, policies).filter((key) => policies.get(key) !== UNREADABLE_POLICY)
      .map((key) => ({ type: 'policy' as const, key, policy: policies.get(key) ?? null, ...ORIGIN })),
    ...inStep(differingKeys(ledger.pins, pins).filter((key) => pins.get(key) !== UNREADABLE_PIN)
      .map((key) => ({ type: 'pin' as const, key, pin: pins.get(key) ?? null, ...ORIGIN }))),
    ...differingKeys(known, fingerprints).filter((name) => !unreadable.includes(name))
      .map((name) => ({ type: 'predictor' as const, name, version: versions.get(name) ?? null, ...ORIGIN })),
  ]
}

function differingKeys (ledger: ReadonlyMap<string, unknown>, table: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...ledger.keys(), ...table.keys()])].filter((key) => !isDeepStrictEqual(ledger.get(key), table.get(key)))
}
