import type { FastifyBaseLogger } from 'fastify'
import { type Configuration, ContextCounts, type Ledger, newLedger, PendingOutcomes, SERVICE } from '../../core/learn/index.js'
import { Cohorts, restoreCohort } from '../../core/evidence/index.js'
import { findPredictor, type Predictor, type PredictorVersion, refTo, Reservoir } from '../../core/scores/index.js'
import type { ReportCorruption } from '../../logging/log.js'
import { isUnreadable, withoutEvidence } from '../../store/encoding/context-states.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import type { Commander } from './commander.js'
import type { LearnerState } from './fold-entries.js'

interface RestoreOptions {
  readonly store: Store
  readonly config: Config
  readonly log: FastifyBaseLogger
  readonly command: Commander
  readonly reportCorruption: ReportCorruption
}

/**
 * Reads the learned state at the start of a lease. Unreadable rows are reported and left out. A new store gets this replica's configuration
 * directly; a store with another configuration gets it through the log.
 */
export function learnerRestorer (
  { store, config, log, command, reportCorruption }: RestoreOptions
): (token: number) => Promise<LearnerState> {
  return async (token) => {
    const [{ cursor, ledger, contexts, damaged, ...stored }, versions] = await Promise.all([store.learned(), store.predictors()])
    await forgetUnreadablePredictors()
    const reset = new Set([...contexts.keys()].filter((key) => isUnreadable(contexts.get(key)!)).concat(damaged.cohorts))
    if (reset.size > 0) await store.noteLoss({ kind: 'unreadable', at: Date.now() }) // before the resets hide it
    await resetContexts([...reset])
    const emptied = new Map(damaged.cohorts.filter((key) => contexts.has(key)).map((key) => [key, withoutEvidence(contexts.get(key)!)]))
    for (const [key, state] of emptied) contexts.set(key, state)
    const orphans = stored.pending.filter(({ key }) => reset.has(key)).map(({ outcome }) => outcome.generation_id)
    const whole = [...stored.cohorts].filter(([key]) => !reset.has(key)).map(([key, cohort]) => [key, restoreCohort(cohort)] as const)
    const cohorts = new Cohorts(stored.follow_up ?? undefined, whole)
    const reservoir = new Reservoir(stored.reservoir)
    const pending = new PendingOutcomes(stored.pending.filter(({ key }) => !reset.has(key)), reservoir.names)
    const configuration: Configuration = { levels: config.levels, defaults: config.defaultPolicy, max_contexts: config.maxContexts }
    const counts = new ContextCounts(contexts.keys())
    const restored = (ledger: Ledger): LearnerState => ({
      cursor, ledger, contexts, pending, cohorts, counts, reservoir, predictors: predictorsOf(ledger, versions),
    })
    if (ledger === null || reset.size + damaged.pending.length + damaged.samples.length > 0) {
      const start = damaged.ledger === 0 ? newLedger : (given: Configuration) => restoredLedger(given, contexts.size, versions)
      const first = ledger ?? await start(configuration)
      await store.commit({
        token,
        from: cursor,
        to: cursor,
        contexts: emptied,
        pending: deletionsOf([...damaged.pending, ...orphans]),
        cohorts: deletionsOf([...reset]),
        follow_up: cohorts.header,
        reservoir: deletionsOf(damaged.samples),
        traces: new Map(),
        ledger: ledger === null ? first : null,
        decisive: [...emptied.keys()],
        changes: [],
        days: [],
      })
      reportCorruption('ledger', damaged.ledger)
      reportCorruption('pending', damaged.pending.length, { ids: damaged.pending.slice(0, 20) })
      reportCorruption('cohorts', damaged.cohorts.length, { contexts: damaged.cohorts.slice(0, 20) })
      reportCorruption('samples', damaged.samples.length)
      if (ledger === null) return restored(first)
    }
    if (!isSame(ledger.configuration, configuration)) {
      log.warn({ before: ledger.configuration, after: configuration }, 'the configuration changes: if replicas differ in it, each undoes the change of the other')
      await store.append([{ type: 'configuration', configuration }])
    }
    return restored(ledger)
  }

  /** A ledger made from the tables, which hold what operators stated last. Contexts compare it with the meaning of their evidence. */
  async function restoredLedger (
    configuration: Configuration, contexts: number, versions: ReadonlyMap<string, PredictorVersion>): Promise<Ledger> {
    const [policies, pins] = await Promise.all([store.policies(), store.pins()])
    const predictors = [...versions.values()].filter(({ retired_at: end }) => end === null).map(({ predictor }) => refTo(predictor))
    return { ...newLedger(configuration), contexts, policies, pins, predictors }
  }

  /**
   * Starts a new epoch, through the log, in contexts whose state or cohort is unreadable: without all enrolled generations the evidence
   * can't go on. Until that is folded they certify nothing.
   */
  async function resetContexts (keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    log.error({ contexts: keys.slice(0, 20), count: keys.length }, 'the state or cohort of some contexts is unreadable: they start a new epoch without evidence')
    await store.append(keys.map((key) => ({ type: 'reset', key, below: false, by: SERVICE, reason: 'its state or cohort could not be read' })))
  }

  /** Deletes unreadable predictors through the log. Until that is folded they score nothing. */
  async function forgetUnreadablePredictors (): Promise<void> {
    await command(async () => {
      const names = await store.damagedPredictors()
      reportCorruption('predictors', names.length, { names })
      return names.map((name) => ({ type: 'predictor', name, version: null, by: SERVICE, reason: 'it could not be read' }))
    })
  }
}

/** The predictors that the ledger names. The table may be ahead: a deleted predictor is missing, and a replaced one is not the ledger's. */
function predictorsOf (ledger: Ledger, versions: ReadonlyMap<string, PredictorVersion>): Map<string, Predictor> {
  const predictors = new Map([...versions].map(([name, { predictor }]) => [name, predictor]))
  const known = ledger.predictors.flatMap((ref) => findPredictor(predictors, ref) ?? [])
  return new Map(known.map((predictor) => [predictor.name, predictor]))
}

/** Rows of a commit that deletes these keys. */
function deletionsOf<K> (keys: readonly K[]): Map<K, undefined> { return new Map(keys.map((key) => [key, undefined])) }

function isSame (a: Configuration, b: Configuration): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
