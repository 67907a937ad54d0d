import t from 'tap'
import type { RecordStorage } from '../../../src/store/embedded/embedded-records.js'
import { driveClock } from '../../clock.js'
import { mulberry32 } from '../../random.js'
import { batch, idsOf, textsAt as texts } from '../fixtures.js'
import { fill, numbersOf, putRow, recordStorage } from '../record-storage.js'

// The contract suite tests the laws. These tests are about what only this implementation can get wrong.

t.test('expired records are dropped some at a time and do not come back', async (t) => {
  const clock = driveClock(t)
  const { open } = await recordStorage(t)
  const records = open({ seconds: 1 })
  const ids = idsOf('g', 2500) // more than one call drops
  await records.append(batch(ids.map((id) => [id, texts(1)])))
  t.equal((await records.read(ids)).size, 2500)
  await clock.advance(1001)
  t.equal((await records.read(ids)).size, 0)
  await records.append(batch([[ids.at(-1)!, texts(2)]]))
  t.same(await records.read(ids), new Map([[ids.at(-1)!, texts(2)]]))
  t.same(await open({ seconds: 1 }).read([ids.at(-1)!]), new Map([[ids.at(-1)!, texts(2)]]), 'nor after a restart')
})

t.test('a record continues when the store is opened again', async (t) => {
  const { open } = await recordStorage(t)
  const before = open({ texts: 5 })
  await before.append(batch([['a', texts(1, 2)], ['b', texts(1)], ['c', texts(1)]]))
  await before.append(batch([['a', texts(3)]]))
  await before.forget(['c'])
  const after = open({ texts: 5 })
  t.same([...(await after.read(['a', 'b', 'c'])).keys()], ['a', 'b'])
  t.equal(await after.append(batch([['a', texts(4, 5, 6)], ['c', texts(2)]])), 3, 'the limit counts the earlier texts')
  t.same(await numbersOf(after, 'a'), [1, 2, 3, 4, 5])
  t.same(await numbersOf(after, 'c'), [2], 'a forgotten record does not come back')
})

t.test('opening the store changes neither the expiry of a record nor its place in the order', async (t) => {
  const clock = driveClock(t)
  const { open } = await recordStorage(t)
  const records = open()
  await records.append(batch([['a', texts(1)]]))
  await clock.advance(500)
  await records.append(batch([['b', texts(1)]]))
  const found = async () => [...(await open({ seconds: 1 }).read(['a', 'b'])).keys()]
  await clock.advance(499)
  t.same(await found(), ['a', 'b'])
  await clock.advance(2)
  t.same(await found(), ['b'])
  await clock.advance(500)
  t.same(await found(), [])
  const again = open({ generations: 2 })
  await again.append(batch([['c', texts(1)]]))
  t.same([...(await again.read(['a', 'b', 'c'])).keys()], ['b', 'c'])
})

t.test('a record from the future expires in time when the clock was set back', async (t) => {
  const clock = driveClock(t)
  const { tables, open } = await recordStorage(t)
  await putRow(tables, 1, 'a', 4e12, 1)
  const records = open({ seconds: 1 })
  t.same(await numbersOf(records, 'a'), [1])
  await clock.advance(1001)
  t.same(await numbersOf(records, 'a'), undefined)
})

t.test('texts that could not be written are not in the record', async (t) => {
  const { tables, open, rows } = await recordStorage(t)
  let isFull = true
  const records = open({}, (action) => tables.root.childTransaction(() => {
    const result = action()
    if (isFull) throw new Error('the disk is full')
    return result
  }))
  await t.rejects(records.append(batch([['a', texts(1)]])), /the disk is full/)
  isFull = false
  await records.append(batch([['a', texts(1)]]))
  isFull = true
  await t.rejects(records.append(batch([['a', texts(2)]])), /the disk is full/)
  await t.rejects(records.forget(['a']), /the disk is full/)
  isFull = false
  await records.append(batch([['a', texts(3)]]))
  t.same(await numbersOf(records, 'a'), [1, 3])
  t.equal(rows().length, 2)
})

t.test('a read waits for texts that are being written', async (t) => {
  const { tables, open } = await recordStorage(t)
  let onTheirWay = () => {}
  const records = open({}, (action) => tables.root.childTransaction(() => {
    const result = action()
    onTheirWay()
    return result
  }))
  await records.append(batch([['a', texts(1)], ['b', texts(1)]]))
  for (let number = 2; number < 30; number++) {
    const gone = new Promise<void>((resolve) => { onTheirWay = resolve })
    const writing = records.append(batch([['a', texts(number)]]))
    await gone
    t.same((await records.read(['a', 'b'])).get('a')?.at(-1), texts(number)[0])
    await writing
  }
})

t.test('concurrent calls, failures and reopening give the same records as sequential calls', async (t) => {
  const { tables, open } = await recordStorage(t)
  const random = mulberry32(11)
  const one = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)]!
  const ids = [...idsOf('g', 12), 'é\0\n\t', '🙂'.repeat(30), '__proto__']
  let fails = false
  const write: RecordStorage['write'] = (action) => {
    const isFailing = fails
    return tables.root.childTransaction(() => {
      const result = action()
      if (isFailing) throw new Error('the disk is full')
      return result
    })
  }
  let records = open({ texts: 40 }, write)
  const expected = new Map<string, number[]>()
  for (let round = 0; round < 300; round++) {
    const doing: Array<Promise<unknown>> = []
    for (let i = 0; i < 4; i++) {
      fails = random() < 0.2
      const some = Array.from({ length: 3 }, () => one(ids)) // perhaps with an id twice
      if (random() < 0.3) {
        doing.push(records.forget(some).then(() => { for (const id of some) expected.delete(id) }, () => {}))
      } else {
        const numbers = Array.from({ length: Math.ceil(random() * 5) }, (_, j) => round * 100 + i * 10 + j)
        doing.push(records.append(batch(some.map((id) => [id, texts(...numbers)]))).then(() => {
          for (const id of new Set(some)) expected.set(id, [...expected.get(id) ?? [], ...numbers].slice(0, 40))
        }, () => {}))
      }
      await Promise.resolve()
    }
    doing.push(records.read(ids))
    await Promise.all(doing)
    fails = false
    if (random() < 0.05) records = open({ texts: 40 }, write)
    const found = await records.read(ids)
    t.strictSame(ids.map((id) => found.get(id)?.map(Number)), ids.map((id) => expected.get(id)))
  }
})

t.test('a record can be forgotten twice, in one call and while it is being written', async (t) => {
  const { tables, open } = await recordStorage(t)
  let onTheirWay = () => {}
  const records = open({}, (action) => { onTheirWay(); return tables.root.childTransaction(action) })
  await records.append(batch([['a', texts(1)], ['b', texts(1)]]))
  await Promise.all([records.forget(['a', 'a', 'b']), records.forget(['a'])])
  t.equal((await records.read(['a', 'b'])).size, 0)
  const gone = new Promise<void>((resolve) => { onTheirWay = resolve })
  const writing = records.append(batch([['c', texts(1)]]))
  await gone
  await records.forget(['c'])
  await writing
  t.equal((await records.read(['c'])).size, 0)
})

t.test('a failed write does not cause all rows to be read again', async (t) => {
  const { tables, open } = await recordStorage(t)
  let isFull = false
  const records = open({}, (action) => tables.root.childTransaction(() => {
    const result = action()
    if (isFull) throw new Error('the disk is full')
    return result
  }))
  await records.append(batch([['a', texts(1)]]))
  const { getRange } = tables.eventRows
  let reads = 0
  tables.eventRows.getRange = (options) => {
    if (options?.limit !== 1) reads++ // otherwise it reads the last number
    return getRange.call(tables.eventRows, options)
  }
  isFull = true
  for (let i = 0; i < 3; i++) await t.rejects(records.append(batch([['a', texts(2)]])))
  isFull = false
  await records.append(batch([['a', texts(3)]]))
  t.same(await numbersOf(records, 'a'), [1, 3])
  t.equal(reads, 0)
})

t.test('rows removed by another process are noticed', async (t) => {
  const { tables, open } = await recordStorage(t)
  const records = open()
  for (const at of [1, 2]) await records.append(batch([['a', texts(at)]]))
  await tables.root.childTransaction(() => tables.eventRows.clearSync())
  t.equal(await numbersOf(records, 'a'), undefined)
  await records.append(batch([['a', texts(3)]]))
  await records.append(batch([['a', texts(4)]]))
  for (const some of [records, open()]) t.same(await numbersOf(some, 'a'), [3, 4])
  const few = open({ texts: 3 })
  t.equal(await few.append(batch([['a', texts(5, 6)]])), 1)
  await tables.root.childTransaction(() => tables.eventRows.clearSync())
  t.equal(await few.append(batch([['a', texts(7, 8, 9)]])), 3, 'removed texts do not count')
})

t.test('a record that is forgotten while it is being written is gone', async (t) => {
  const { open } = await recordStorage(t)
  const records = open()
  const recording = records.append(batch([['a', texts(...Array.from({ length: 1000 }, (_, i) => i))]])) // several turns
  await records.forget(['a'])
  t.equal(await recording, 1000)
  t.equal((await records.read(['a'])).size, 0)
})

t.test('a damaged byte neither throws nor hangs, and the records can be written to', async (t) => {
  const { tables, open } = await recordStorage(t)
  const random = mulberry32(7)
  const ids = idsOf('g', 20)
  const first = open()
  for (let call = 0; call < 10; call++) await first.append(batch(ids.map((id) => [id, texts(call)])))
  const whole = [...tables.eventRows.getRange()].map(({ key, value }) => ({ key, value: Buffer.from(value) }))
  for (let round = 0; round < 20; round++) {
    await tables.root.childTransaction(() => {
      tables.eventRows.clearSync()
      const damaged = Math.floor(random() * whole.length)
      for (const [i, { key, value }] of whole.entries()) {
        const bytes = Buffer.from(value)
        const at = Math.floor(random() * bytes.length)
        if (i === damaged) bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8))
        tables.eventRows.putSync(key, bytes)
      }
    })
    const records = open()
    t.ok((await records.read(ids)).size >= 19)
    if (round % 10 !== 0) continue
    for (let i = 0; i < 300; i++) await fill(records)
    t.ok((await open().read(ids)).size >= 19)
    await records.append(batch(ids.map((id) => [id, texts(11)])))
    t.same(new Set([...(await records.read(ids)).values()].map((some) => Number(some.at(-1)))), new Set([11]))
  }
})

t.test('the order of the records survives reopening', async (t) => {
  const { open } = await recordStorage(t)
  const first = open()
  for (const id of ['a', 'b', 'c', 'a']) await first.append(batch([[id, texts(1)]]))
  const records = open({ generations: 3 })
  await records.append(batch([['d', texts(1)]]))
  t.same([...(await records.read(['a', 'b', 'c', 'd'])).keys()], ['a', 'c', 'd'])
})
