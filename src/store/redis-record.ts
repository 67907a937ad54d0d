import type { RecordedStep } from '../core/recording/recorded-step.js'
import { inTurns } from './encoding.js'
import { decodeSteps, encodeStep, type RecordLimits } from './record-encoding.js'
import type { RedisConnection } from './redis-connection.js'
import { KEYS, stepsKey } from './redis-keys.js'
import { stepIn, type StepBatch } from './step-batch.js'

/** Records and steps in one command, so that it does not hold up Redis. */
const CHUNK = { records: 256, steps: 4096 }

/** The records of the Redis store: a list of steps by generation id, and the ids by age. */
export class RedisRecords {
  readonly #connection: RedisConnection
  readonly #limits: RecordLimits

  constructor (connection: RedisConnection, limits: RecordLimits) {
    this.#connection = connection
    this.#limits = limits
  }

  async record (batch: StepBatch): Promise<number> {
    const { ids, starts } = batch
    const fits = (from: number, to: number) => to <= ids.length && to - from <= CHUNK.records && starts[to]! - starts[from]! <= CHUNK.steps
    let kept = 0
    for (let from = 0, to; from < ids.length; from = to) {
      to = from + 1 // at least one record, however many steps it has
      while (fits(from, to + 1)) to++
      kept += await this.#recordSome(batch, from, to)
    }
    return kept
  }

  async #recordSome (batch: StepBatch, from: number, to: number): Promise<number> {
    const { seconds, steps: most, generations, bytes } = this.#limits
    const first = batch.starts[from]!
    const steps = Array.from({ length: batch.starts[to]! - first }, (_, i) => first + i)
    const texts = await inTurns(steps, (step) => encodeStep(stepIn(batch, step)))
    const ids = batch.ids.slice(from, to)
    const args = ids.flatMap((id, i) => {
      const own = texts.slice(batch.starts[from + i]! - first, batch.starts[from + i + 1]! - first)
      return [id, own.length, ...own]
    })
    const keys = [KEYS.records, KEYS.recordBytes, ...ids.map(stepsKey)]
    return await this.#connection.script('record', keys, [seconds * 1000, most, generations, bytes, stepsKey(''), ...args]) as number
  }

  async recorded (generationIds: readonly string[]): Promise<Map<string, RecordedStep[]>> {
    const found = new Map<string, RecordedStep[]>()
    for (let i = 0; i < generationIds.length; i += CHUNK.records) {
      const ids = generationIds.slice(i, i + CHUNK.records)
      const records = await this.#connection.script('recorded', ids.map(stepsKey), []) as string[][]
      const steps = await inTurns(records, (texts) => texts.flatMap(decodeSteps))
      for (const [j, id] of ids.entries()) if (steps[j]!.length > 0) found.set(id, steps[j]!)
    }
    return found
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    await this.#connection.script('forget', [KEYS.records, KEYS.recordBytes], [stepsKey(''), ...generationIds])
  }
}
