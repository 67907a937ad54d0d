import type { LogEntry } from '../../core/learn/index.js'
import type { Series, TrainingRun } from '../../core/training/index.js'
import { inTurns } from '../encoding/in-turns.js'
import { decodeSeries, encodeRun, encodeSeries, readRun, revisionOf, seriesKey } from '../encoding/stored-values.js'
import { ConflictError } from '../store-errors.js'
import type { TrainingRunStore, TrainingWrite } from '../training-run-store.js'
import type { Tables } from './embedded-tables.js'

interface TrainingStorage {
  /** Throws if the store is closed. */
  readonly reads: () => Tables
  /** Runs an action in a transaction and appends entries to the log in the same. */
  readonly writeAndAppend: (action: (tables: Tables) => void, entries: readonly LogEntry[]) => Promise<void>
}

/** The training runs of the embedded store: a table of runs, a table of their series. */
export class EmbeddedTrainingRuns implements TrainingRunStore {
  readonly #storage: TrainingStorage

  constructor (storage: TrainingStorage) { this.#storage = storage }

  async list (): Promise<TrainingRun[]> {
    return [...this.#storage.reads().trainingRuns.getRange().map(({ key, value }) => readRun(key.toString(), value))]
  }

  async read (name: string): Promise<TrainingRun | null> {
    const text = this.#storage.reads().trainingRuns.get(Buffer.from(name))
    return text === undefined ? null : readRun(name, text)
  }

  async readSeries (name: string, suites: readonly string[]): Promise<Series[]> {
    const { trainingSeries } = this.#storage.reads()
    const texts = suites.map((suite) => trainingSeries.get(Buffer.from(seriesKey(name, suite))))
    return await inTurns(texts.filter((text) => text !== undefined), decodeSeries)
  }

  async write (write: TrainingWrite): Promise<void> {
    await this.#storage.writeAndAppend((tables) => { writeTraining(tables, write) }, write.entries)
  }
}

// The functions below run in a transaction of the caller's.

/** @throws ConflictError */
function writeTraining (tables: Tables, { run, from, series, dropped }: TrainingWrite): void {
  checkRevision(tables, run.name, from)
  for (const { name, revision } of dropped) checkRevision(tables, name, revision)
  for (const one of dropped) drop(tables, one)
  tables.trainingRuns.putSync(Buffer.from(run.name), encodeRun(run))
  for (const one of series) tables.trainingSeries.putSync(Buffer.from(seriesKey(run.name, one.suite)), encodeSeries(one))
}

function checkRevision ({ trainingRuns }: Tables, name: string, revision: number | null): void {
  const text = trainingRuns.get(Buffer.from(name))
  const stands = text === undefined ? null : revisionOf(text)
  if (stands !== revision) throw new ConflictError(`Run ${name} is at revision ${stands}, no longer ${revision}`)
}

function drop ({ trainingRuns, trainingSeries }: Tables, { name, suites }: TrainingRun): void {
  trainingRuns.removeSync(Buffer.from(name))
  for (const { suite } of suites) trainingSeries.removeSync(Buffer.from(seriesKey(name, suite)))
}
