import type { TrainingRun } from '../core/training/run.js'
import type { Tables } from './embedded-tables.js'
import { encodeRun, encodeSeries, revisionOf, seriesKey } from './training-encoding.js'
import type { TrainingWrite } from './store.js'
import { ConflictError } from './store-errors.js'

// All of this runs in a transaction of the caller's.

/** @throws ConflictError */
export function writeTraining (tables: Tables, { run, from, series, dropped }: TrainingWrite): void {
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
