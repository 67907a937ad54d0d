import t from 'tap'
import { decodeEnd, decodeRow, encodeEnd, encodeRow, readIndex, RecordIndex, sizeOf } from '../../../src/store/embedded/record-index.js'
import { unpackTexts } from '../../../src/store/encoding/packed-texts.js'
import { batch, packingAtOnce, textsAt } from '../fixtures.js'
import { putRow, recordStorage } from '../record-storage.js'

const row = (number: number, texts = 1) => ({ number, texts, bytes: 12 * texts, size: 50 })

function indexOf (...ids: string[]): RecordIndex {
  const index = new RecordIndex()
  for (const [i, id] of ids.entries()) index.append(id, row(i + 1), 0)
  index.commit()
  return index
}

const idsOf = (index: RecordIndex): string[] => [...index.oldestFirst()].map(({ id }) => id)

t.test('a row is read back unchanged', async (t) => {
  const texts = textsAt(1, 2, 3)
  for (const id of ['', 'a', 'é\0🙂', 'x'.repeat(100_000)]) {
    const encoded = encodeRow(id, 1234.5, 2, packingAtOnce(batch([['a', texts]])), 1)
    const decoded = decodeRow(Buffer.from(encoded))!
    t.match(decoded, { id, at: 1234.5, count: 2 })
    t.same(unpackTexts(decoded.texts), texts.slice(1))
    t.match(decodeRow(encodeRow(id, 0, 0)), { id, count: 0, texts: Buffer.alloc(0) })
  }
  for (const damaged of [undefined, Buffer.alloc(0), Buffer.alloc(15), Buffer.alloc(40, 255)]) t.equal(decodeRow(damaged), undefined)
})

t.test('a row that states ends gives their ids, and none if it is damaged', async (t) => {
  t.same(decodeEnd(decodeRow(Buffer.from(encodeEnd(['a', 'é"'])))!), ['a', 'é"'])
  for (const damaged of ['', '[', '5', 'null']) t.same(decodeEnd(decodeRow(Buffer.from(encodeRow(damaged, 0, 0)))!), [])
})

t.test('a rollback returns to the last commit', async (t) => {
  const index = indexOf('a', 'b', 'c')
  const state = () => ({
    records: ['a', 'b', 'c', 'd'].map((id) => structuredClone(index.get(id))),
    totals: [index.size, index.bytes, index.last, index.textBytes, index.liveBytes],
  })
  const before = state()
  t.match(index, { textBytes: 36, liveBytes: 150, bytes: 150 })
  for (let round = 0; round < 2; round++) {
    index.append('a', row(4, 2), 5)
    index.append('a', row(5), 6)
    index.end(index.get('b')!)
    index.append('b', row(6), 7)
    index.append('d', row(7), 7)
    index.renew('c', 8)
    index.appendDead(8, 20)
    t.same(index.sweep(9), [2])
    t.match(index.get('a'), { rows: [1, 4, 5], texts: 4, bytes: 48, size: 150, lastAt: 6 })
    t.match(index.get('b'), { rows: [6], texts: 1 })
    t.match(index, { size: 4, last: 8, committed: 3, bytes: 370 - 50, liveBytes: 300 })
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
  t.match(index, { size: 2, last: 3, committed: 3, bytes: 150, textBytes: 24, liveBytes: 100 })
  t.match(index.get('c'), { rows: [3], texts: 1 })
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

t.test('the sweep passes dead rows from the oldest on, each once, but for the newest row', async (t) => {
  const index = indexOf('a', 'b', 'c', 'd')
  t.same(index.end(index.get('c')!), [])
  index.end(index.get('a')!)
  index.appendDead(5, 20)
  index.commit()
  t.same(index.sweep(1), [1])
  index.rollback()
  t.same(index.sweep(2), [1, 3], 'again, since it was rolled back')
  t.equal(index.bytes, 120)
  index.commit()
  t.same(index.sweep(9), [], 'row 5 is the newest')
  index.append('e', row(6), 0)
  index.commit()
  t.same(index.sweep(9), [5])
  t.same(index.end(index.get('b')!), [2], 'the sweep has passed it')
  t.equal(index.bytes, 100)
})

t.test('the index that is read from the rows counts live rows and all rows', async (t) => {
  const { tables, open, rows } = await recordStorage(t)
  const records = open()
  await records.append(batch([['a', textsAt(1, 2)], ['over', textsAt(1)]]))
  await records.append(batch([['a', textsAt(3)], ['b', textsAt(1)]]))
  await records.append(batch([['a', textsAt(4, 5, 6)], ['over', textsAt(2)]]))
  await records.forget(['over'])
  const index = readIndex(tables.eventRows, Date.now(), 60_000)
  t.match(index, { size: 2, last: 7, textBytes: 7 * 12, bytes: rows().reduce((sum, one) => sum + sizeOf(one), 0) })
  t.equal(index.liveBytes, rows().filter((one) => !['over', '["over"]'].includes(decodeRow(one)!.id)).reduce((sum, one) => sum + sizeOf(one), 0))
  t.match(index.get('a'), { rows: [1, 3, 5], texts: 6, bytes: 6 * 12 })
  t.match(index.get('b'), { rows: [4], texts: 1, bytes: 12 })
})

t.test('an expired record does not come back when its id does, also after a restart', async (t) => {
  const { tables, open } = await recordStorage(t)
  const records = open()
  await records.append(batch([['a', textsAt(1)], ['b', textsAt(1)]]))
  await records.append(batch([['a', textsAt(2)]]))
  const [first, second] = [...tables.eventRows.getRange()].map(({ value }) => decodeRow(value)!.at) as [number, number]
  const rowsOf = (lifetime: number) => readIndex(tables.eventRows, second, lifetime).get('a')?.rows
  t.same(rowsOf(second - first + 1), [1, 3])
  t.same(rowsOf(second - first), [3], 'its first row had expired')
})

t.test('an index begins with the oldest row, however many rows there were before', async (t) => {
  const { tables } = await recordStorage(t)
  const first = 2 ** 40
  for (const [i, id] of ['a', 'b'].entries()) await putRow(tables, first + i, id, Date.now(), 1)
  const index = readIndex(tables.eventRows, Date.now(), 60_000)
  index.end(index.get('a')!)
  index.append('c', row(first + 2), 0)
  t.same(index.sweep(10), [first])
  index.rollback()
  t.match(index, { last: first + 1, size: 2 })
  index.end(index.get('a')!)
  t.same(index.sweep(10), [first], 'as before')
})
