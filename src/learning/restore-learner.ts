import type { FastifyBaseLogger } from 'fastify'
import type { Commander } from '../operations/commander.js'
import type { Config } from '../config/config.js'
import { newLedger, type Ledger } from '../core/learn/fold.js'
import type { Configuration } from '../core/learn/log-entry.js'
import { PendingOutcomes } from '../core/recording/pending.js'
import { predictorBy, refTo } from '../core/predictor/fingerprint.js'
import type { Predictor } from '../core/predictor/predictor.js'
import type { PredictorVersion } from '../core/predictor/predictor-version.js'
import { Reservoir } from '../core/predictor/reservoir.js'
import type { ReportCorruption } from '../logging/report-corruption.js'
import type { Memory } from './fold-entries.js'
import type { Store } from '../store/store.js'
import { isUnreadable } from '../store/unreadable-state.js'

export interface RestoreOptions {
  readonly store: Store
  readonly config: Config
  readonly log: FastifyBaseLogger
  readonly command: Commander
  readonly tellDamage: ReportCorruption
}

/**
 * What was learned so far, as the holder of the lease finds it; what is damaged is told, and left out. A new store starts with this
 * replica's configuration, a store that has another gets it through the log.
 */
export function learnerRestorer ({ store, config, log, command, tellDamage }: RestoreOptions): (token: number) => Promise<Memory> {
  return async (token) => {
    const [{ cursor, ledger, contexts, damaged, ...stored }, versions] = await Promise.all([store.learned(), store.predictors()])
    const pending = new PendingOutcomes(stored.pending)
    const reservoir = new Reservoir(stored.reservoir)
    await forgetDamaged()
    await beginAnew([...contexts.keys()].filter((key) => isUnreadable(contexts.get(key)!)))
    const configuration: Configuration = {
      levels: config.levels, defaults: config.defaultPolicy, max_contexts: config.maxContexts, label_wait_seconds: config.labelWaitSeconds,
    }
    if (ledger === null || damaged.pending.length + damaged.samples.length > 0) {
      const start = damaged.ledger === 0 ? newLedger : (given: Configuration) => restoredLedger(given, contexts.size, versions)
      const first = ledger ?? await start(configuration)
      const gone = { pending: without(damaged.pending), reservoir: without(damaged.samples) }
      const nothing = { contexts: new Map(), decisive: [], changes: [] }
      await store.commit({ token, from: cursor, to: cursor, ledger: ledger === null ? first : null, ...gone, ...nothing })
      tellDamage('ledger', damaged.ledger)
      tellDamage('pending', damaged.pending.length, { ids: damaged.pending.slice(0, 20) })
      tellDamage('samples', damaged.samples.length)
      if (ledger === null) return { cursor, ledger: first, contexts, pending, reservoir, predictors: predictorsOf(first, versions) }
    }
    if (!isSame(ledger.configuration, configuration)) {
      log.warn({ before: ledger.configuration, after: configuration }, 'the configuration changes; replicas that differ in it undo each other')
      await store.append([{ type: 'configuration', configuration }])
    }
    return { cursor, ledger, contexts, pending, reservoir, predictors: predictorsOf(ledger, versions) }
  }

  /** What the tables say, which is what operators asked for last; contexts compare it with what their evidence means. */
  async function restoredLedger (
    configuration: Configuration, contexts: number, versions: ReadonlyMap<string, PredictorVersion>): Promise<Ledger> {
    const [policies, pins] = await Promise.all([store.policies(), store.pins()])
    const predictors = [...versions.values()].filter(({ retired_at: end }) => end === null).map(({ predictor }) => refTo(predictor))
    return { ...newLedger(configuration), contexts, policies, pins, predictors }
  }

  /** Contexts whose state is damaged start an epoch through the log; until it is folded nothing of theirs is in force. */
  async function beginAnew (damaged: readonly string[]): Promise<void> {
    if (damaged.length === 0) return
    log.error({ contexts: damaged.slice(0, 20), count: damaged.length }, 'the state of contexts can\'t be read: they start a new epoch, with nothing learned')
    await store.append(damaged.map((key) => ({ type: 'reset', key, by: 'stopgate', reason: 'its state could not be read' })))
  }

  /** Predictors that are damaged go, through the log; until that is folded they score nothing. */
  async function forgetDamaged (): Promise<void> {
    await command(async () => {
      const names = await store.damagedPredictors()
      tellDamage('predictors', names.length, { names })
      return names.map((name) => ({ type: 'predictor', name, version: null, by: 'stopgate', reason: 'it could not be read' }))
    })
  }
}

/** Those of the ledger. The table may be ahead of it: one that was forgotten is gone, and another of its name is not yet learned of. */
function predictorsOf (ledger: Ledger, versions: ReadonlyMap<string, PredictorVersion>): Map<string, Predictor> {
  const predictors = new Map([...versions].map(([name, { predictor }]) => [name, predictor]))
  const known = ledger.predictors.flatMap((ref) => predictorBy(predictors, ref) ?? [])
  return new Map(known.map((predictor) => [predictor.name, predictor]))
}

/** For a commit that deletes them. */
function without<K> (keys: readonly K[]): Map<K, undefined> { return new Map(keys.map((key) => [key, undefined])) }

function isSame (a: Configuration, b: Configuration): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
