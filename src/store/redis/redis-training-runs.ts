import type { Series, TrainingRun } from '../../core/training/index.js'
import { inTurns } from '../encoding/in-turns.js'
import { encodeEntry } from '../encoding/log-rows.js'
import { newerFormat, STATE_FORMAT } from '../state-format.js'
import { decodeSeries, encodeRun, encodeSeries, readRun, seriesKey } from '../encoding/stored-values.js'
import { ConflictError } from '../store-errors.js'
import type { TrainingRunStore, TrainingWrite } from '../training-run-store.js'
import type { RedisConnection } from './redis-connection.js'
import { KEYS } from './redis-keys.js'
import type { RedisReplicas } from './redis-replicas.js'

/** The training runs of the Redis store: a hash of runs, a hash of their series. */
export class RedisTrainingRuns implements TrainingRunStore {
  readonly #connection: RedisConnection
  readonly #replicas: RedisReplicas

  constructor (connection: RedisConnection, replicas: RedisReplicas) {
    this.#connection = connection
    this.#replicas = replicas
  }

  async list (): Promise<TrainingRun[]> {
    const texts = await this.#connection.run((redis) => redis.hgetall(KEYS.trainingRuns))
    return await inTurns(Object.entries(texts), ([name, text]) => readRun(name, text))
  }

  async read (name: string): Promise<TrainingRun | null> {
    const text = await this.#connection.run((redis) => redis.hget(KEYS.trainingRuns, name))
    return text === null ? null : readRun(name, text)
  }

  async readSeries (name: string, suites: readonly string[]): Promise<Series[]> {
    if (suites.length === 0) return []
    const fields = suites.map((suite) => seriesKey(name, suite))
    const texts = await this.#connection.run((redis) => redis.hmget(KEYS.trainingSeries, ...fields))
    return await inTurns(texts.filter((text) => text !== null), decodeSeries)
  }

  async write ({ run, from, series, entries, dropped }: TrainingWrite): Promise<void> {
    const gone = dropped.flatMap(({ name, suites }) => suites.map(({ suite }) => seriesKey(name, suite)))
    const reply = await this.#connection.script('writeTraining', [KEYS.trainingRuns, KEYS.trainingSeries, KEYS.log, KEYS.format], [
      dropped.length + 1, dropped.length, gone.length, series.length, entries.length, STATE_FORMAT,
      run.name, from ?? '', ...dropped.flatMap(({ name, revision }) => [name, revision]),
      ...dropped.map(({ name }) => name), ...gone, ...series.flatMap((one) => [seriesKey(run.name, one.suite), encodeSeries(one)]),
      ...entries.map(encodeEntry), run.name, encodeRun(run),
    ])
    if (String(reply).startsWith('NEWER')) throw newerFormat(String(reply))
    if (reply === 'CONFLICT') throw new ConflictError(`Run ${run.name} is no longer at revision ${from}`)
    await this.#replicas.have(this.#connection)
  }
}
