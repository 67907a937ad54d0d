import { isDeepStrictEqual } from 'node:util'
import { type Command, type ContextState, inStep, type Ledger, type PredictorEntry, SERVICE } from '../../core/learn/index.js'
import { chainOf, UNREADABLE_POLICY } from '../../core/policy/index.js'
import { fingerprintOf } from '../../core/scores/index.js'
import type { ReportCorruption } from '../../logging/log.js'
import { isUnreadableRun, UNREADABLE_PIN } from '../../store/encoding/stored-values.js'
import type { Store } from '../../store/store.js'
import type { TrainingRunStore } from '../../store/training-run-store.js'

/** Who appears in the audit trail, and why. */
const ORIGIN = { by: SERVICE, reason: 'its log entry could not be read' }

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

/** How many of the newest commands in the audit trail are searched. */
const AUDIT_ROWS = 1000
/** Redis reads its clock twice for a command: its audit row may be this much later than its log entry, ms. */
const CLOCK_SLACK_MS = 10

const REASON = 'the log entry of a reset or checkpoint could not be read'

/**
 * Resets for the contexts whose epoch should have ended at a reset or checkpoint that the learner missed, because its log entry is
 * unreadable; otherwise the evidence from before would still certify thresholds. Resets are found in the audit trail, checkpoints in the
 * training runs. If the entry is still to come in the log, the context starts two epochs: that costs tokens, but no answers.
 */
export async function missedEpochs (
  store: Pick<Store, 'audit'> & { readonly trainingRuns: Pick<TrainingRunStore, 'list'> }, contexts: ReadonlyMap<string, ContextState>,
  reportCorruption: ReportCorruption
): Promise<Command[]> {
  const [rows, runs] = await Promise.all([store.audit(AUDIT_ROWS), store.trainingRuns.list()])
  const unreadableRows = rows.filter(({ command }) => command.type === 'unreadable')
  const unreadableRuns = runs.filter(isUnreadableRun)
  reportCorruption('audit', unreadableRows.length, { ids: unreadableRows.slice(0, 20).map(({ id }) => id) })
  reportCorruption('runs', unreadableRuns.length, { names: unreadableRuns.slice(0, 20).map(({ name }) => name) })
  const commands = rows.flatMap(({ time: at, command }) => command.type === 'reset' ? [{ ...command, at }] : [])
  const resets = latest(commands.filter(({ below }) => below !== false))
  const resetsAlone = latest(commands.filter(({ below }) => below === false))
  const checkpoints = latest(runs.flatMap((run) => run.contexts))
  const isMissed = ([key, { epoch: { started_at: start } }]: [string, ContextState]) => {
    const above = chainOf(key).flatMap((link) => [resets.get(link) ?? 0, checkpoints.get(link) ?? 0])
    const last = Math.max(resetsAlone.get(key) ?? 0, ...above)
    return start < last - CLOCK_SLACK_MS
  }
  return [...contexts].filter(isMissed).map(([key]) => ({ type: 'reset', key, below: false, by: SERVICE, reason: REASON }))
}

/** The latest time of each key. */
function latest (events: ReadonlyArray<{ readonly key: string, readonly at: number }>): Map<string, number> {
  return new Map([...events].sort((a, b) => a.at - b.at).map(({ key, at }) => [key, at]))
}
