import { isAscii } from 'node:buffer'
import type { RecordedStep } from '../core/recording/recorded-step.js'
import type { Tables } from './embedded-tables.js'
import { packingAtOnce, type Packing } from './packed-steps.js'
import { decodeSteps } from './record-encoding.js'
import { NOWHERE, type Place, type RowHead, type SegmentWriter } from './record-segment.js'
import { batchOf } from './step-batch.js'

/** A line of a segment: `[id, segment, offset, count, at]`, and each text of steps behind a tab; none (null): the record ends here. */
interface Line extends RowHead { readonly place: Place, readonly texts: string | null }

/** Keeps the steps of a store whose segments were lines of JSON. Runs in a transaction, before records are read. */
export function adoptOlderSegments ({ root }: Pick<Tables, 'root'>, writer: SegmentWriter): void {
  const segments = root.openDB<Buffer, number>('record_segments', { encoding: 'binary' })
  const lasts = new Map<string, { was: Place, is: Place }>()
  for (const number of segments.getKeys()) {
    const lines = linesOf(segments.getBinary(number)!, number)
    const batch = batchOfLines(lines)
    for (const [i, { id, before, at, place, texts }] of lines.entries()) {
      if (texts === null) {
        if (lasts.delete(id)) writer.appendEnd(id)
        continue
      }
      let last = lasts.get(id)
      if (last === undefined) lasts.set(id, last = { was: NOWHERE, is: NOWHERE })
      else if (!isSame(last.was, before)) last.is = NOWHERE
      const from = batch.starts[i]!
      const count = batch.starts[i + 1]! - from
      last.was = place
      if (count > 0) last.is = writer.append({ id, before: last.is, count, at }, batch, from)
    }
  }
  segments.dropSync()
}

/** The steps of a segment at once: there are millions of lines, and a batch for each would take longer than all else. */
function batchOfLines (lines: readonly Line[]): Packing {
  return packingAtOnce(batchOf(new Map(lines.map(({ texts }, i) => [String(i), texts === null ? [] : decodeTexts(texts)]))))
}

/** Where one of them is damaged, those that are not. */
function decodeTexts (texts: string): RecordedStep[] {
  const isOne = !texts.includes('\t')
  return isOne ? decodeSteps(texts) : texts.split('\t').flatMap(decodeSteps)
}

/** All that are whole. */
function linesOf (segment: Buffer, number: number): Line[] {
  const lines: Line[] = []
  const text = segment.toString('latin1') // offsets in it are those of bytes
  const isText = isAscii(segment)
  for (let offset = 0, tab = -1, end; (end = text.indexOf('\n', offset)) !== -1; offset = end + 1) {
    if (tab < offset) tab = text.indexOf('\t', offset)
    if (tab === -1) tab = text.length // looked for once, however many records end here
    const isEnd = tab > end
    const head = headIn(text.slice(offset, isEnd ? end : tab))
    if (head === undefined) continue
    const { id, before, count, at } = head // as `...head` it takes ten times as long
    const texts = isEnd ? null : isText ? text.slice(tab + 1, end) : segment.toString('utf8', tab + 1, end)
    lines.push({ id, before, count, at, place: { segment: number, offset }, texts })
  }
  return lines
}

function headIn (text: string): RowHead | undefined {
  try {
    const [id, segment, offset, count, at] = JSON.parse(text) as [string, number, number, number, number]
    const isWhole = typeof id === 'string' && [segment, offset, count, at].every((value) => Number.isInteger(value) && value >= 0)
    return isWhole ? { id, before: { segment, offset }, count, at } : undefined
  } catch {
    return undefined
  }
}

const isSame = (a: Place, b: Place): boolean => a.segment === b.segment && a.offset === b.offset
