import t from 'tap'
import { decodeRow, encodeRow, readIndex, RecordIndex, sizeOf } from '../../../src/store/embedded/record-index.js'
import { STEPS } from '../../../src/store/step-records/record-kind.js'
import { batch, packingAtOnce } from '../fixtures.js'
import { recordStorage, stepsAt } from '../record-storage.js'

const row = (number: number, steps = 1) => ({ number, steps, bytes: 12 * steps, size: 50 })

function indexOf (...ids: string[]): RecordIndex {
  const index = new RecordIndex()
  for (const [i, id] of ids.entries()) index.append(id, row(i + 1), 0)
  index.commit()
  return index
}

const idsOf = (index: RecordIndex): string[] => [...index.oldestFirst()].map(({ id }) => id)

t.test('a row is read back unchanged', async (t) => {
  const steps = stepsAt(1, 2, 3)
  for (const id of ['', 'a', 'é\0🙂', 'x'.repeat(100_000)]) {
    const encoded = encodeRow(id, 1234.5, 2, packingAtOnce(batch([['a', steps]])), 1)
    const decoded = decodeRow(Buffer.from(encoded))!
    t.match(decoded, { id, at: 1234.5, count: 2 })
    t.same(STEPS.unpack(decoded.steps), steps.slice(1))
    t.match(decodeRow(encodeRow(id, 0, 0)), { id, count: 0, steps: Buffer.alloc(0) })
  }
  for (const damaged of [undefined, Buffer.alloc(0), Buffer.alloc(15), Buffer.alloc(40, 255)]) t.equal(decodeRow(damaged), undefined)
})

t.test('a rollback returns to the last commit', async (t) => {
  const index = indexOf('a', 'b', 'c')
  const state = () => ({
    records: ['a', 'b', 'c', 'd'].map((id) => structuredClone(index.get(id))),
    totals: [index.size, index.bytes, index.last, index.swept, index.stepBytes, index.liveBytes],
  })
  const before = state()
  t.match(index, { stepBytes: 36, liveBytes: 150, bytes: 150 })
  for (let round = 0; round < 2; round++) {
    index.append('a', row(4, 2), 5)
    index.append('a', row(5), 6)
    index.end(index.get('b')!)
    index.rowRemoved(50)
    index.append('b', row(6), 7)
    index.append('d', row(7), 7)
    index.renew('c', 8)
    index.sweptTo(2)
    t.match(index.get('a'), { rows: [1, 4, 5], steps: 4, bytes: 48, size: 150, lastAt: 6 })
    t.match(index.get('b'), { rows: [6], steps: 1 })
    t.match(index, { size: 4, last: 7, committed: 3, bytes: 300, liveBytes: 300, swept: 2 })
    index.rollback()
    t.same(state(), before)
    t.same(new Set(idsOf(index)), new Set(['a', 'b', 'c']))
  }
  index.rollback()
  t.same(state(), before)
})

t.test('a rollback keeps committed rows', async (t) => {
  const index = indexOf('a', 'b')
  index.end(index.get('a')!)
  index.append('c', row(3), 0)
  index.commit()
  index.append('c', row(4), 0)
  index.rollback()
  t.match(index, { size: 2, last: 3, committed: 3, bytes: 150, stepBytes: 24, liveBytes: 100 })
  t.match(index.get('c'), { rows: [3], steps: 1 })
  t.equal(index.get('a'), undefined)
})

t.test('a record that is written to becomes the newest', async (t) => {
  const index = indexOf('a', 'b', 'c')
  index.renew('b', 1)
  index.renew('none', 1)
  t.same(idsOf(index), ['a', 'c', 'b'])
  index.append('a', row(4), 2)
  t.same(idsOf(index), ['c', 'b', 'a'])
  t.same(idsOf(new RecordIndex()), [])
})

t.test('a row is live if its record has not ended since', async (t) => {
  const index = indexOf('a', 'b')
  index.end(index.get('a')!)
  index.append('a', row(4), 0)
  t.same([index.isLive('a', 1), index.isLive('a', 4), index.isLive('b', 2), index.isLive('none', 1)], [false, true, true, false])
})

t.test('the index that is read from the rows counts live rows and all rows', async (t) => {
  const { tables, open, rows } = await recordStorage(t)
  const records = open()
  await records.append(batch([['a', stepsAt(1, 2)], ['over', stepsAt(1)]]))
  await records.append(batch([['a', stepsAt(3)], ['b', stepsAt(1)]]))
  await records.append(batch([['a', stepsAt(4, 5, 6)], ['over', stepsAt(2)]]))
  await records.forget(['over'])
  const index = readIndex(tables.recordRows, Date.now())
  t.match(index, { size: 2, last: 7, stepBytes: 7 * 12, bytes: rows().reduce((sum, one) => sum + sizeOf(one), 0) })
  t.equal(index.liveBytes, rows().filter((one) => decodeRow(one)?.id !== 'over').reduce((sum, one) => sum + sizeOf(one), 0))
  t.match(index.get('a'), { rows: [1, 3, 5], steps: 6, bytes: 6 * 12 })
  t.match(index.get('b'), { rows: [4], steps: 1, bytes: 12 })
})
