import type { RecordedStep } from '../core/recorded-step.js'
import type { Tables } from './embedded-tables.js'
import { inTurns } from './encoding.js'
import { decodeSteps, encodeStep, type RecordLimits } from './record-encoding.js'

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
      const totals = { ...tables.getMeta('recorded') }
      for (const { value: id } of [...tables.recordsAt.getRange({ end: [since + 1, 0], limit: CLEARED })]) drop(tables, totals, id)
      let kept = 0
      for (const [id, some] of texts) {
        if (isOver(tables.records.get(Buffer.from(id)), since)) drop(tables, totals, id) // not cleared away yet
        kept += add(tables, totals, id, some, now, limits.steps)
      }
      dropOldest(tables, totals, limits)
      tables.setMeta('recorded', totals)
      return kept
    })
  }

  async recorded (generationIds: readonly string[]): Promise<Map<string, RecordedStep[]>> {
    const { recordSteps, records } = this.#ground.reads()
    const since = Date.now() - this.#ground.limits.seconds * 1000
    const found = await inTurns(generationIds, (id): Array<[string, RecordedStep[]]> => {
      const head = records.get(Buffer.from(id))
      if (head === undefined || isOver(head, since)) return []
      return [[id, [...recordSteps.getRange(stepsOf(head)).flatMap(({ value }) => decodeSteps(value))]]]
    })
    return new Map(found.flat())
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    const { write, reads } = this.#ground
    const known = generationIds.filter((id) => reads().records.get(Buffer.from(id)) !== undefined)
    if (known.length === 0) return
    await write(() => {
      const totals = { ...reads().getMeta('recorded') }
      for (const id of known) drop(reads(), totals, id)
      reads().setMeta('recorded', totals)
    })
  }
}

const isOver = (head: RecordHead | undefined, since: number): boolean => head !== undefined && head.at <= since

const stepsOf = ({ number }: RecordHead) => ({ start: [number, 0] as [number, number], end: [number + 1, 0] as [number, number] })

// All of this runs in a transaction of the caller's, who writes the totals when it is through.

type Counting = { -readonly [F in keyof RecordTotals]: RecordTotals[F] }

/**
 * Appends to a record, up to `limit` steps in all; returns how many were kept. Steps that come together are one row: a row costs more
 * than a step.
 */
function add (tables: Tables, totals: Counting, id: string, texts: readonly string[], now: number, limit: number): number {
  const key = Buffer.from(id)
  const before = tables.records.get(key)
  if (before === undefined) { totals.number++; totals.generations++ }
  const { number, steps, bytes } = before ?? { number: totals.number, steps: 0, bytes: 0 }
  if (before !== undefined) tables.recordsAt.removeSync([before.at, number])
  const kept = texts.slice(0, limit - steps)
  if (kept.length > 0) tables.recordSteps.putSync([number, steps], kept.join())
  const added = kept.reduce((sum, text) => sum + text.length, 0)
  tables.records.putSync(key, { number, at: now, steps: steps + kept.length, bytes: bytes + added })
  tables.recordsAt.putSync([now, number], id)
  totals.bytes += added
  return kept.length
}

function drop (tables: Tables, totals: Counting, id: string): void {
  const key = Buffer.from(id)
  const head = tables.records.get(key)
  if (head === undefined) return
  for (const place of [...tables.recordSteps.getKeys(stepsOf(head))]) tables.recordSteps.removeSync(place)
  tables.recordsAt.removeSync([head.at, head.number])
  tables.records.removeSync(key)
  totals.generations--
  totals.bytes -= head.bytes
}

function dropOldest (tables: Tables, totals: Counting, limits: RecordLimits): void {
  while (totals.generations > limits.generations || totals.bytes > limits.bytes) {
    const [oldest] = [...tables.recordsAt.getRange({ limit: 1 })]
    if (oldest === undefined) return
    drop(tables, totals, oldest.value)
  }
}
