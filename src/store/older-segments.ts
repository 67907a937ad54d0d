import type { Tables } from './embedded-tables.js'
import { packingAtOnce } from './packed-steps.js'
import { decodeSteps } from './record-encoding.js'
import { NOWHERE, type Place, type RowHead, type SegmentWriter } from './record-segment.js'
import { batchOf } from './step-batch.js'

/** A line of a segment: `[id, segment, offset, count, at]`, and each text of steps behind a tab; none of them: the record ends here. */
interface Line extends RowHead { readonly place: Place, readonly texts: readonly string[] }

/** Keeps the steps of a store whose segments were lines of JSON. Runs in a transaction, before records are read. */
export function adoptOlderSegments ({ root }: Pick<Tables, 'root'>, writer: SegmentWriter): void {
  const segments = root.openDB<Buffer, number>('record_segments', { encoding: 'binary' })
  const lasts = new Map<string, { readonly was: Place, readonly is: Place }>()
  for (const number of segments.getKeys()) {
    for (const { id, before, at, place, texts } of linesOf(segments.getBinary(number)!, number)) {
      if (texts.length === 0) {
        if (lasts.delete(id)) writer.appendEnd(id)
        continue
      }
      const last = lasts.get(id)
      const is = last !== undefined && isSame(last.was, before) ? last.is : NOWHERE
      const steps = texts.flatMap(decodeSteps)
      const batch = packingAtOnce(batchOf(new Map([[id, steps]])))
      lasts.set(id, { was: place, is: steps.length === 0 ? is : writer.append({ id, before: is, count: steps.length, at }, batch, 0) })
    }
  }
  segments.dropSync()
}

/** All that are whole. */
function * linesOf (segment: Buffer, number: number): Iterable<Line> {
  for (let offset = 0, end; (end = segment.indexOf('\n', offset)) !== -1; offset = end + 1) {
    const [head, ...texts] = segment.toString('utf8', offset, end).split('\t')
    const row = headIn(head!)
    if (row !== undefined) yield { ...row, place: { segment: number, offset }, texts }
  }
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
