import type { RecordedStep } from '../core/recorded-step.js'
import type { Tables } from './embedded-tables.js'
import { inTurns } from './encoding.js'
import { decodeStep, encodeStep, type RecordLimits } from './record-encoding.js'

/** Of one generation: its number in the tables, when it was last written to (ms), and what it takes up. */
export interface RecordHead { readonly number: number, readonly at: number, readonly steps: number, readonly bytes: number }

/** Of all records: the number of the newest, how many there are, and what they take up. */
export interface RecordTotals { readonly number: number, readonly generations: number, readonly bytes: number }

export interface RecordGround {
  readonly reads: () => Tables
  /** All or nothing. */
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: RecordLimits
}

/** How many expired records one call clears away; more than it can add. */
const CLEARED = 1000

/** The records of the embedded store: a head by generation id, its steps by number, and the ids by age. */
export class EmbeddedRecords {
  readonly #ground: RecordGround

  constructor (ground: RecordGround) { this.#ground = ground }

  async record (steps: ReadonlyMap<string, readonly RecordedStep[]>): Promise<number> {
    const texts = await inTurns([...steps], ([id, some]) => [id, some.map(encodeStep)] as const)
    const { write, reads, limits } = this.#ground
    return write(() => {
      const tables = reads()
      const now = Date.now()
      const since = now - limits.seconds * 1000
      for (const { value: id } of [...tables.recordsAt.getRange({ end: [since + 1, 0], limit: CLEARED })]) drop(tables, id)
      let kept = 0
      for (const [id, some] of texts) {
        if (isOver(tables.records.get(Buffer.from(id)), since)) drop(tables, id) // not cleared away yet
        kept += add(tables, id, some, now, limits.steps)
      }
      dropOldest(tables, limits)
      return kept
    })
  }

  async recorded (generationIds: readonly string[]): Promise<Map<string, RecordedStep[]>> {
    const { recordSteps, records } = this.#ground.reads()
    const since = Date.now() - this.#ground.limits.seconds * 1000
    const found = await inTurns(generationIds, (id): Array<[string, RecordedStep[]]> => {
      const head = records.get(Buffer.from(id))
      if (head === undefined || isOver(head, since)) return []
      return [[id, [...recordSteps.getRange(stepsOf(head)).map(({ value }) => decodeStep(value))]]]
    })
    return new Map(found.flat())
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    const { write, reads } = this.#ground
    const known = generationIds.filter((id) => reads().records.get(Buffer.from(id)) !== undefined)
    if (known.length > 0) await write(() => { for (const id of known) drop(reads(), id) })
  }
}

const isOver = (head: RecordHead | undefined, since: number): boolean => head !== undefined && head.at <= since

const stepsOf = ({ number }: RecordHead) => ({ start: [number, 0] as [number, number], end: [number + 1, 0] as [number, number] })

/** Appends to a record, up to `limit` steps in all; returns how many were kept. */
function add (tables: Tables, id: string, texts: readonly string[], now: number, limit: number): number {
  const key = Buffer.from(id)
  const totals = tables.getMeta('recorded')
  const before = tables.records.get(key)
  const { number, steps, bytes } = before ?? { number: totals.number + 1, steps: 0, bytes: 0 }
  if (before !== undefined) tables.recordsAt.removeSync([before.at, number])
  const kept = texts.slice(0, limit - steps)
  for (const [i, text] of kept.entries()) tables.recordSteps.putSync([number, steps + i], text)
  const added = kept.reduce((sum, text) => sum + text.length, 0)
  tables.records.putSync(key, { number, at: now, steps: steps + kept.length, bytes: bytes + added })
  tables.recordsAt.putSync([now, number], id)
  tables.setMeta('recorded', {
    number: Math.max(totals.number, number), generations: totals.generations + (before === undefined ? 1 : 0), bytes: totals.bytes + added,
  })
  return kept.length
}

function drop (tables: Tables, id: string): void {
  const key = Buffer.from(id)
  const head = tables.records.get(key)
  if (head === undefined) return
  for (const place of [...tables.recordSteps.getKeys(stepsOf(head))]) tables.recordSteps.removeSync(place)
  tables.recordsAt.removeSync([head.at, head.number])
  tables.records.removeSync(key)
  const { number, generations, bytes } = tables.getMeta('recorded')
  tables.setMeta('recorded', { number, generations: generations - 1, bytes: bytes - head.bytes })
}

function dropOldest (tables: Tables, limits: RecordLimits): void {
  for (;;) {
    const { generations, bytes } = tables.getMeta('recorded')
    if (generations <= limits.generations && bytes <= limits.bytes) return
    const [oldest] = [...tables.recordsAt.getRange({ limit: 1 })]
    if (oldest === undefined) return
    drop(tables, oldest.value)
  }
}
