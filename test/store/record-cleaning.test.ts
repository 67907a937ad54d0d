import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { dropOldest, SLACK } from '../../src/store/record-cleaning.js'
import { RECORD_LIMITS } from '../../src/store/record-encoding.js'
import { RecordIndex } from '../../src/store/record-index.js'
import { SegmentWriter } from '../../src/store/record-segment.js'
import { mulberry32 } from '../random.js'
import { batch, idsOf } from './fixtures.js'
import { fill, recordGround, stepsAt as steps, tokensOf } from './record-ground.js'

t.test('the log stays short and records stay complete while records come, go and fail to be written', async (t) => {
  const { tables, numbers, open, segments } = await recordGround(t)
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
      [`g${Math.floor(random() * 250)}`, steps(...Array.from({ length: 250 }, (_, i) => call * 250 + i))]))
    some.set('long', steps(call))
    if ((fails = random() < 0.1)) await t.rejects(records.record(batch(some)))
    fails = false
    await records.record(batch(some))
    for (const [id, of] of some) expected.set(id, [...expected.get(id) ?? [], ...of.map(({ tokens }) => tokens)])
    const over = [...expected.keys()].filter((id) => id !== 'long' && random() < 0.07)
    await records.forget(over)
    for (const id of over) expected.delete(id)
    if (call % 100 === 57) records = reopened()
    if (call % 40 !== 0) continue
    const wrong: string[] = [] // tap takes seconds to compare a million tokens
    for (const [id, tokens] of expected) if (!isDeepStrictEqual(await tokensOf(records, id), tokens)) wrong.push(id)
    t.same(wrong, [])
    t.equal((await records.recorded([...idsOf('g', 250)].filter((id) => !expected.has(id)))).size, 0)
  }
  const bytes = segments().reduce((sum, { length }) => sum + length, 0)
  t.ok(bytes < 11 * 1024 * 1024, `${bytes} bytes: at most twice the live bytes and some slack`)
  t.ok(numbers()[0]! > 100, 'the oldest segments are gone')
  t.same(await tokensOf(records, 'long'), expected.get('long'))
})

t.test('a damaged record is dropped, and can start again', async (t) => {
  const { tables, numbers, open } = await recordGround(t)
  const records = open()
  await records.record(batch([['a', steps(1)]]))
  await tables.root.childTransaction(() => tables.recordSegments.putSync(1, Buffer.from('x'.repeat(30))))
  const clean = async (until: number) => {
    for (let i = 0; numbers()[0]! <= until && i < 400; i++) await fill(records)
  }
  await clean(1)
  await records.record(batch([['a', steps(2)]]))
  await clean(numbers().at(-1)!)
  t.same(await tokensOf(records, 'a'), [2])
})

t.test('live records are not moved again and again, however long their ids are', async (t) => {
  const { open, segments } = await recordGround(t)
  const records = open()
  const ids = idsOf('\u0001'.repeat(120), 20_000)
  for (let at = 0; at < 2; at++) {
    for (let i = 0; i < ids.length; i += 1000) await records.record(batch(ids.slice(i, i + 1000).map((id) => [id, steps(at)])))
  }
  for (let i = 0; i < 30; i++) await records.record(batch([['x', steps(i)]]))
  t.ok(segments().slice(-3).every(({ length }) => length < 100))
  t.equal((await records.recorded(ids)).size, 20_000)
})

t.test('one call removes only some of the old segments', async (t) => {
  const { open, segments, numbers } = await recordGround(t)
  const records = open()
  const some = Array.from({ length: 200 }, (_, i) => ({ tokens: i, confidence: 0.5, signals: { [`ü${'x'.repeat(50)}`]: i } }))
  const ids = idsOf('g', 1000)
  for (const id of ids) await records.record(batch([[id, some]]))
  await records.forget(ids)
  const left = [segments().length]
  for (let i = 0; i < 10; i++) {
    await records.record(batch([['x', steps(i)]]))
    left.push(segments().length)
  }
  for (let i = 1; i < left.length; i++) t.ok(left[i]! >= left[i - 1]! - 150)
  t.ok(segments().reduce((sum, { length }) => sum + length, 0) < 9 * 1024 * 1024)
  const [oldest] = numbers()
  for (let i = 10; i < 30; i++) await records.record(batch([['x', steps(i)]]))
  t.equal(numbers()[0], oldest, 'segments stay while the log is short')
})

t.test('one call moves only some of the live rows, and the next call continues', async (t) => {
  const { tables, numbers, open } = await recordGround(t)
  const ids = idsOf('g', 70)
  const first = open()
  for (let at = 0; at < 60; at++) await first.record(batch(ids.map((id) => [id, steps(at)])))
  const many = steps(...Array.from({ length: 4096 }, (_, i) => i))
  const dead = idsOf('dead', 200)
  for (const id of dead) await first.record(batch([[id, many]]))
  await first.forget(dead)
  const whole = Array.from({ length: 60 }, (_, at) => at)
  let reads = 0
  const { getBinaryFast } = tables.recordSegments
  tables.recordSegments.getBinaryFast = (...of) => { reads++; return getBinaryFast.apply(tables.recordSegments, of) }
  let calls = 0
  for (; numbers()[0]! <= 60 && calls < 50; calls++) {
    const records = open() // as after a crash
    await records.recorded(['x']) // reads all segments
    reads = 0
    await records.record(batch([['x', steps(calls)]]))
    t.ok(reads < 400, `${reads} rows`)
    const wrong: string[] = []
    for (const id of ids) if (!isDeepStrictEqual(await tokensOf(records, id), whole)) wrong.push(id)
    t.same(wrong, [])
  }
  t.ok(calls >= 8 && calls < 50, `${calls} calls: 4,200 rows were to be moved`)
  t.equal((await open().recorded(['x'])).get('x')!.length, calls)
})

t.test('rows that are mostly heads count toward the limit of bytes, and the least recently written are dropped', async (t) => {
  const index = new RecordIndex()
  for (let i = 0; i < 12; i++) index.append(`g${i}`, { place: { segment: 1, offset: i }, steps: 1, bytes: 8, size: SLACK / 8 }, i)
  dropOldest(index, new SegmentWriter(1, () => {}), { ...RECORD_LIMITS, bytes: 100 })
  t.ok(index.liveBytes <= 100 + SLACK)
  t.same([...index.oldestFirst()].map(({ id }) => id), ['g4', 'g5', 'g6', 'g7', 'g8', 'g9', 'g10', 'g11'])
})

t.test('the file stays bounded while a thousand generations get a step at each call, and none of them ends', async (t) => {
  const limit = 4 * 1024 * 1024
  const { open, segments, folder } = await recordGround(t)
  const records = open({ bytes: limit })
  const ids = idsOf('generation-', 1000)
  const random = mulberry32(22)
  let longest = 0
  for (let call = 0; call < 900; call++) {
    await records.record(batch(ids.filter(() => random() < 0.9).map((id) => [id, steps(call)])))
    if (call % 10 === 0) longest = Math.max(longest, segments().reduce((sum, { length }) => sum + length, 0))
  }
  const bound = 2 * (limit + SLACK) + SLACK
  t.ok(longest <= bound, `${longest} bytes of segments`)
  t.ok(statSync(join(folder, 'data.mdb')).size <= 1.2 * bound, 'whole pages, and those that the last transactions left')
})
