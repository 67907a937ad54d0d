import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { SLACK } from '../../../../src/store/embedded/embedded-records.js'
import { mulberry32 } from '../../../random.js'
import { batch, idsOf, textsAt as texts } from '../../../store/fixtures.js'
import { fill, numbersOf, recordStorage } from '../../../store/record-storage.js'

t.test('the log stays short and records stay complete while records come, go and fail to be written', async (t) => {
  const { tables, open, rows } = await recordStorage(t)
  const random = mulberry32(3)
  let fails = false
  const reopened = () => open({ generations: 300, bytes: 1024 * 1024 }, (action) => tables.root.childTransaction(() => {
    const result = action()
    if (fails) throw new Error('the disk is full')
    return result
  }))
  let records = reopened()
  const expected = new Map<string, number[]>()
  for (let call = 0; call < 400; call++) {
    const some = new Map(Array.from({ length: 20 }, () =>
      [`g${Math.floor(random() * 250)}`, texts(...Array.from({ length: 250 }, (_, i) => call * 250 + i))]))
    some.set('long', texts(call))
    if ((fails = random() < 0.1)) await t.rejects(records.append(batch(some)))
    fails = false
    await records.append(batch(some))
    for (const [id, of] of some) expected.set(id, [...expected.get(id) ?? [], ...of.map(Number)])
    const over = [...expected.keys()].filter((id) => id !== 'long' && random() < 0.07)
    await records.forget(over)
    for (const id of over) expected.delete(id)
    if (call % 100 === 57) records = reopened()
    if (call % 40 !== 0) continue
    const wrong: string[] = [] // tap takes seconds to compare a million texts
    for (const [id, numbers] of expected) if (!isDeepStrictEqual(await numbersOf(records, id), numbers)) wrong.push(id)
    t.same(wrong, [])
    t.equal((await records.read([...idsOf('g', 250)].filter((id) => !expected.has(id)))).size, 0)
  }
  const bytes = rows().reduce((sum, { length }) => sum + length, 0)
  t.ok(bytes < 11 * 1024 * 1024, `${bytes} bytes: at most twice the live bytes and some slack`)
  t.same(await numbersOf(records, 'long'), expected.get('long'))
})

t.test('a damaged row is swept once the store was opened again, and its record can start again', async (t) => {
  const { tables, numbers, open } = await recordStorage(t)
  await open().append(batch([['a', texts(1)], ['b', texts(1)]]))
  await tables.root.childTransaction(() => tables.eventRows.putSync(1, Buffer.from('x'.repeat(30))))
  const records = open()
  for (let i = 0; numbers()[0] === 1 && i < 400; i++) await fill(records)
  t.not(numbers()[0], 1)
  await records.append(batch([['a', texts(2)]]))
  t.same(await numbersOf(records, 'a'), [2])
})

t.test('live rows stay in place when the sweep has passed them, and are removed when their record ends', async (t) => {
  const { numbers, open } = await recordStorage(t)
  const records = open()
  await records.append(batch([['a', texts(1)], ['b', texts(1)]]))
  await fill(records)
  for (let i = 0; numbers()[2] === 3 && i < 400; i++) await fill(records)
  t.same(numbers().slice(0, 2), [1, 2])
  t.not(numbers()[2], 3)
  await records.forget(['a'])
  t.equal(numbers()[0], 2)
  t.same(await numbersOf(open(), 'b'), [1])
  t.equal(await numbersOf(open(), 'a'), undefined)
})

t.test('rows that are mostly heads count toward the limit of bytes, and the least recently written are dropped', async (t) => {
  const { open, rows } = await recordStorage(t)
  const records = open({ bytes: 100_000 })
  const ids = idsOf('x'.repeat(4000), 2500) // of which 12 bytes each are texts
  for (let i = 0; i < ids.length; i += 100) await records.append(batch(ids.slice(i, i + 100).map((id) => [id, texts(1)])))
  const found = await records.read(ids)
  t.ok(found.size * 4000 <= 100_000 + SLACK)
  t.ok(found.size > 2000)
  t.same([...found.keys()], ids.slice(-found.size))
  t.ok(rows().length >= found.size)
})

t.test('the file stays bounded while a thousand generations get a text at each call, and none of them ends', async (t) => {
  const limit = 4 * 1024 * 1024
  const { open, rows, folder } = await recordStorage(t)
  const records = open({ bytes: limit })
  const ids = idsOf('generation-', 1000)
  const random = mulberry32(22)
  const text = (call: number) => `${call} ${'x'.repeat(300)}`
  let longest = 0
  for (let call = 0; call < 150; call++) {
    await records.append(batch(ids.filter(() => random() < 0.9).map((id) => [id, [text(call)]])))
    if (call % 10 === 0) longest = Math.max(longest, rows().reduce((sum, { length }) => sum + length, 0))
  }
  const bound = 2 * (limit + SLACK) + SLACK
  t.ok(longest <= bound, `${longest} bytes of rows`)
  t.ok(statSync(join(folder, 'data.mdb')).size <= 1.4 * bound, 'pages that live rows only half fill, and those that the last transactions left')
})
