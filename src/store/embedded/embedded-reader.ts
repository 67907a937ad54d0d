import type { KeptTrace, SavingsSums } from '../../core/stats/index.js'
import type { ContextState } from '../../core/learn/index.js'
import type { Pin, PolicyPatch } from '../../core/policy/index.js'
import type { PredictorVersion } from '../../core/scores/index.js'
import { readState } from '../encoding/context-states.js'
import { inTurns } from '../encoding/in-turns.js'
import { readChanges, readLoss } from '../encoding/log-rows.js'
import { PredictorCache } from '../encoding/predictor-cache.js'
import { decodeDay } from '../encoding/savings-days.js'
import type { StateRow } from '../state-format.js'
import type { StoredCohort } from '../../core/evidence/index.js'
import { readCohorts, readLearned, readPin, readPolicy, readKeptTraces, traceNames } from '../encoding/stored-values.js'
import type { Learned } from '../learner-store.js'
import { StoreUnavailableError } from '../store-errors.js'
import type { AuditRow, HistoryRow, Revision } from '../store.js'
import { logLag, readAudit } from './embedded-log.js'
import { exportState } from './embedded-state.js'
import type { Tables } from './embedded-tables.js'

/** The part of a store in a folder that only reads: everything but the log, the decision log and kept answers. */
export class EmbeddedReader {
  protected readonly tables: Tables
  readonly #predictors = new PredictorCache()
  protected isClosed = false

  protected constructor (tables: Tables) { this.tables = tables }

  async learned (): Promise<Learned> {
    const { contexts, pending, cohorts, reservoir, getMeta } = this.reads()
    const cursor = getMeta('cursor')
    const texts = {
      ledger: getMeta('ledger'),
      follow_up: getMeta('follow_up'),
      pending: [...pending.getRange().map(({ key, value }) => [key.toString(), value] as const)],
      cohorts: [...cohorts.getRange().map(({ key, value }) => [key, value] as const)],
      reservoir: [...reservoir.getRange().map(({ key, value }) => [key, value] as const)],
    }
    return { cursor, contexts: await this.#states([...contexts.getKeys()]), ...await readLearned(texts) }
  }

  async revision (): Promise<Revision> {
    const tables = this.reads()
    return {
      stateId: tables.getMeta('state_id'),
      salt: tables.getMeta('salt'),
      version: tables.getMeta('version'),
      policyVersion: tables.getMeta('policy_version'),
      ...logLag(tables, Date.now()),
      loss: tables.getMeta('loss') === '' ? null : readLoss(tables.getMeta('loss')),
    }
  }

  async changedSince (version: number): Promise<string[]> {
    return [...this.reads().changedAt.getKeys({ start: [version + 1, ''] }).map(([, key]) => key)]
  }

  async contextKeys (): Promise<string[]> { return [...this.reads().contexts.getKeys()] }

  async readContexts (keys: readonly string[]): Promise<Map<string, ContextState>> { return this.#states(keys) }

  async readTraces (key: string): Promise<KeptTrace[]> {
    const { traces } = this.reads()
    return await readKeptTraces(traceNames(key).map((name) => traces.get(name) ?? null))
  }

  async readCohorts (keys: readonly string[]): Promise<Map<string, StoredCohort>> {
    return readCohorts(keys, keys.map((key) => this.reads().cohorts.get(key) ?? null))
  }

  async readSavings (day: number): Promise<ReadonlyMap<string, SavingsSums> | null> {
    const text = this.reads().savings.get(day)
    return text === undefined ? null : await decodeDay(text)
  }

  async policies (keys?: readonly string[]): Promise<Map<string, PolicyPatch>> { return this.#rows('policies', readPolicy, keys) }

  async pins (keys?: readonly string[]): Promise<Map<string, Pin>> { return this.#rows('pins', readPin, keys) }

  async predictors (): Promise<Map<string, PredictorVersion>> {
    const { predictors, getMeta } = this.reads()
    const stamp = `${getMeta('state_id')} ${getMeta('predictors_at')}`
    return await this.#predictors.versions(stamp, async () => [...predictors.getRange().map(({ key, value }) => [key, value] as const)])
  }

  async damagedPredictors (): Promise<readonly string[]> {
    await this.predictors()
    return this.#predictors.damaged()
  }

  async history (limit: number): Promise<HistoryRow[]> {
    const { history, getMeta } = this.reads()
    const rows = history.getRange({ reverse: true, limit }).map(({ key, value: text }) => ({ id: String(key), text }))
    return readChanges([...rows], { time: getMeta('last_place')[0], version: getMeta('version') })
  }

  async audit (limit: number, before?: string): Promise<AuditRow[]> { return readAudit(this.reads(), limit, before) }

  async * exportRows (): AsyncIterable<StateRow> {
    const tables = this.reads()
    const transaction = tables.root.useReadTransaction() // all rows are of its moment, however long it takes to write them
    try { yield * exportState(tables, transaction) } finally { transaction.done() }
  }

  /** @param keys absent: all */
  #rows<T> (table: 'policies' | 'pins', read: (text: string) => T, keys?: readonly string[]): Map<string, T> {
    const rows = this.reads()[table]
    if (keys === undefined) return new Map(rows.getRange().map(({ key, value }) => [key, read(value)]))
    return new Map(keys.flatMap((key) => {
      const text = rows.get(key)
      return text === undefined ? [] : [[key, read(text)] as const]
    }))
  }

  /** Reads one text at a time: ten thousand texts would take more memory than their states. */
  async #states (keys: readonly string[]): Promise<Map<string, ContextState>> {
    const states = new Map<string, ContextState>()
    await inTurns(keys, (key) => {
      const text = this.reads().contexts.get(key)
      if (text !== undefined) states.set(key, readState(text))
    })
    return states
  }

  /** @throws StoreUnavailableError after closing */
  protected reads (): Tables {
    if (this.isClosed) throw new StoreUnavailableError('The store is closed')
    return this.tables
  }
}
