import type { RecordedStep } from '../core/recorded-step.js'
import { inTurns } from './encoding.js'
import { decodeSteps, encodeStep, type RecordLimits } from './record-encoding.js'
import type { RedisConnection } from './redis-connection.js'
import { KEYS, stepsKey } from './redis-keys.js'
import { stepIn, type StepBatch } from './step-batch.js'

/** Records read or written to at a time, so that Redis is not held up. */
const CHUNK = 256

/** The records of the Redis store: a list of steps by generation id, and the ids by age. */
export class RedisRecords {
  readonly #connection: RedisConnection
  readonly #limits: RecordLimits

  constructor (connection: RedisConnection, limits: RecordLimits) {
    this.#connection = connection
    this.#limits = limits
  }

  async record (batch: StepBatch): Promise<number> {
    let kept = 0
    for (let i = 0; i < batch.ids.length; i += CHUNK) kept += await this.#recordSome(batch, i, Math.min(i + CHUNK, batch.ids.length))
    return kept
  }

  async #recordSome (batch: StepBatch, from: number, to: number): Promise<number> {
    const { seconds, steps: most, generations, bytes } = this.#limits
    const ids = batch.ids.slice(from, to)
    const args = await inTurns(ids, (id, i) => {
      const texts: string[] = []
      for (let step = batch.starts[from + i]!; step < batch.starts[from + i + 1]!; step++) texts.push(encodeStep(stepIn(batch, step)))
      return [id, texts.length, ...texts]
    })
    const keys = [KEYS.records, KEYS.recordBytes, ...ids.map(stepsKey)]
    return await this.#connection.script('record', keys, [seconds * 1000, most, generations, bytes, stepsKey(''), ...args.flat()]) as number
  }

  async recorded (generationIds: readonly string[]): Promise<Map<string, RecordedStep[]>> {
    const found = new Map<string, RecordedStep[]>()
    for (let i = 0; i < generationIds.length; i += CHUNK) {
      const ids = generationIds.slice(i, i + CHUNK)
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
