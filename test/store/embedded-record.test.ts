import t, { type Test } from 'tap'
import { EmbeddedRecords, type RecordGround } from '../../src/store/embedded-record.js'
import { openTables } from '../../src/store/embedded-tables.js'
import { RECORD_LIMITS, type RecordLimits } from '../../src/store/record-encoding.js'
import { mulberry32 } from '../random.js'
import { temporaryFolder, until } from '../helper.js'
import { idsOf } from './fixtures.js'

// The laws are tested by the contract; here is what only this store can get wrong.

const steps = (...tokens: number[]) => tokens.map((at) => ({ tokens: at, confidence: 0.5 }))
const tokensOf = async (records: EmbeddedRecords, id: string) => (await records.recorded([id])).get(id)?.map(({ tokens }) => tokens)

async function ground (t: Test) {
  const tables = openTables(await temporaryFolder(t))
  t.teardown(() => tables.root.close())
  const open = (limits: Partial<RecordLimits> = {}, write: RecordGround['write'] = (action) => tables.root.childTransaction(action)) =>
    new EmbeddedRecords({ reads: () => tables, write, limits: { ...RECORD_LIMITS, ...limits } })
  const segments = () => [...tables.recordSegments.getKeys()].map((number) => tables.recordSegments.getBinary(number)!)
  return { tables, open, segments }
}

t.test('records that expired are dropped some at a time, and none comes back', async (t) => {
  const { open } = await ground(t)
  const records = open({ seconds: 1 })
  const ids = idsOf('g', 2500) // more than one call drops
  await records.record(new Map(ids.map((id) => [id, steps(1)])))
  await until('all have expired', async () => (await records.recorded(ids)).size === 0)
  await records.record(new Map([[ids.at(-1)!, steps(2)]]))
  t.same(await records.recorded(ids), new Map([[ids.at(-1)!, steps(2)]]))
  const again = await open().recorded(ids)
  t.equal(again.size, 1500, 'a thousand were dropped, and one began anew')
  t.same(again.get(ids.at(-1)!), steps(2))
})

t.test('a record goes on where it was when the store is opened again', async (t) => {
  const { open } = await ground(t)
  const before = open({ steps: 5 })
  await before.record(new Map([['a', steps(1, 2)], ['b', steps(1)], ['c', steps(1)]]))
  await before.record(new Map([['a', steps(3)]]))
  await before.forget(['c'])
  const after = open({ steps: 5 })
  t.same([...(await after.recorded(['a', 'b', 'c'])).keys()], ['a', 'b'])
  t.equal(await after.record(new Map([['a', steps(4, 5, 6)], ['c', steps(2)]])), 3, 'the limit counts those of before')
  t.same(await tokensOf(after, 'a'), [1, 2, 3, 4, 5])
  t.same(await tokensOf(after, 'c'), [2], 'what was forgotten does not come back')
})

t.test('a record is over as long after its last step, and has its turn, however often it moved and the store was opened', async (t) => {
  const { tables, open, segments } = await ground(t)
  const records = open()
  const fill = async () => {
    await records.record(new Map([['filler', Array.from({ length: 4096 }, () => ({ tokens: 1, confidence: 0.123456789012345 }))]]))
    await records.forget(['filler'])
  }
  await records.record(new Map([['a', steps(1)]]))
  const start = performance.now()
  while (segments().reduce((sum, { length }) => sum + length, 0) < 8_000_000) await fill()
  await until('a second is over', () => performance.now() - start > 1100)
  await records.record(new Map([['b', steps(1)]]))
  while ([...tables.recordSegments.getKeys({ limit: 1 })][0] === 1) await fill() // a moves behind b
  const found = await until('a is over', async () => {
    const found = await open({ seconds: 3 }).recorded(['a', 'b'])
    return found.has('a') ? null : found
  })
  t.ok(performance.now() - start >= 2900)
  t.ok(found.has('b'))
  const again = open({ generations: 2 })
  await again.record(new Map([['c', steps(1)]]))
  t.same([...(await again.recorded(['a', 'b', 'c'])).keys()], ['b', 'c'])
})

t.test('a record of the future, by a clock that was put back, is over in time', async (t) => {
  const { tables, open } = await ground(t)
  await tables.root.childTransaction(() => tables.recordSegments.putSync(1, Buffer.from('["a",0,0,1,9999999999]\t[1,0.5]\n')))
  const records = open({ seconds: 1 })
  t.same(await tokensOf(records, 'a'), [1])
  await until('it is over', async () => await tokensOf(records, 'a') === undefined)
})

t.test('what could not be written is not taken for written', async (t) => {
  const { tables, open, segments } = await ground(t)
  let isFull = true
  const records = open({}, (action) => tables.root.childTransaction(() => {
    const result = action()
    if (isFull) throw new Error('the disk is full')
    return result
  }))
  await t.rejects(records.record(new Map([['a', steps(1)]])), /the disk is full/)
  isFull = false
  await records.record(new Map([['a', steps(1)]]))
  isFull = true
  await t.rejects(records.record(new Map([['a', steps(2)]])), /the disk is full/)
  await t.rejects(records.forget(['a']), /the disk is full/)
  isFull = false
  await records.record(new Map([['a', steps(3)]]))
  t.same(await tokensOf(records, 'a'), [1, 3])
  t.equal(segments().length, 2)
})

t.test('steps on their way to the disk are waited for', async (t) => {
  const { tables, open } = await ground(t)
  let onTheirWay = () => {}
  const records = open({}, (action) => tables.root.childTransaction(() => {
    const result = action()
    onTheirWay()
    return result
  }))
  await records.record(new Map([['a', steps(1)], ['b', steps(1)]]))
  for (let tokens = 2; tokens < 30; tokens++) {
    const gone = new Promise<void>((resolve) => { onTheirWay = resolve })
    const writing = records.record(new Map([['a', steps(tokens)]]))
    await gone
    t.same((await records.recorded(['a', 'b'])).get('a')?.at(-1), { tokens, confidence: 0.5 })
    await writing
  }
})

t.test('segments stay few, and records whole, whatever comes and goes, and fails', async (t) => {
  const { tables, open, segments } = await ground(t)
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
    if ((fails = random() < 0.1)) await t.rejects(records.record(some))
    fails = false
    await records.record(some)
    for (const [id, of] of some) expected.set(id, [...expected.get(id) ?? [], ...of.map(({ tokens }) => tokens)])
    const over = [...expected.keys()].filter((id) => id !== 'long' && random() < 0.07)
    await records.forget(over)
    for (const id of over) expected.delete(id)
    if (call % 100 === 57) records = reopened()
    if (call % 40 !== 0) continue
    for (const [id, tokens] of expected) t.strictSame(await tokensOf(records, id), tokens, id)
    t.equal((await records.recorded([...idsOf('g', 250)].filter((id) => !expected.has(id)))).size, 0)
  }
  const bytes = segments().reduce((sum, { length }) => sum + length, 0)
  t.ok(bytes < 11 * 1024 * 1024, `${bytes} bytes: twice what lives at most, and some`)
  t.ok([...tables.recordSegments.getKeys({ limit: 1 })][0]! > 100, 'the oldest are gone')
  t.same(await tokensOf(records, 'long'), expected.get('long'))
})

t.test('whatever is recorded, forgotten, fails and is opened again at the same time, each record is as if one did it after the other', async (t) => {
  const { tables, open } = await ground(t)
  const random = mulberry32(11)
  const one = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)]!
  const ids = [...idsOf('g', 12), 'é\0\n\t', '🙂'.repeat(30), '__proto__']
  let fails = false
  const write: RecordGround['write'] = (action) => {
    const isFailing = fails
    return tables.root.childTransaction(() => {
      const result = action()
      if (isFailing) throw new Error('the disk is full')
      return result
    })
  }
  let records = open({ steps: 40 }, write)
  const expected = new Map<string, number[]>()
  for (let round = 0; round < 300; round++) {
    const doing: Array<Promise<unknown>> = []
    for (let i = 0; i < 4; i++) {
      fails = random() < 0.2
      const some = Array.from({ length: 3 }, () => one(ids)) // one perhaps twice
      if (random() < 0.3) {
        doing.push(records.forget(some).then(() => { for (const id of some) expected.delete(id) }, () => {}))
      } else {
        const tokens = Array.from({ length: Math.ceil(random() * 5) }, (_, j) => round * 100 + i * 10 + j)
        doing.push(records.record(new Map(some.map((id) => [id, steps(...tokens)]))).then(() => {
          for (const id of new Set(some)) expected.set(id, [...expected.get(id) ?? [], ...tokens].slice(0, 40))
        }, () => {}))
      }
      await Promise.resolve()
    }
    doing.push(records.recorded(ids))
    await Promise.all(doing)
    fails = false
    if (random() < 0.05) records = open({ steps: 40 }, write)
    const found = await records.recorded(ids)
    for (const id of ids) t.strictSame(found.get(id)?.map(({ tokens }) => tokens), expected.get(id))
  }
})

t.test('a record may be forgotten twice, also in one call, and while it is on its way', async (t) => {
  const { tables, open } = await ground(t)
  let onTheirWay = () => {}
  const records = open({}, (action) => { onTheirWay(); return tables.root.childTransaction(action) })
  await records.record(new Map([['a', steps(1)], ['b', steps(1)]]))
  await Promise.all([records.forget(['a', 'a', 'b']), records.forget(['a'])])
  t.equal((await records.recorded(['a', 'b'])).size, 0)
  const gone = new Promise<void>((resolve) => { onTheirWay = resolve })
  const writing = records.record(new Map([['c', steps(1)]]))
  await gone
  await records.forget(['c'])
  await writing
  t.equal((await records.recorded(['c'])).size, 0)
})

t.test('a write that fails does not have all segments read again', async (t) => {
  const { tables, open } = await ground(t)
  let isFull = false
  const records = open({}, (action) => tables.root.childTransaction(() => {
    const result = action()
    if (isFull) throw new Error('the disk is full')
    return result
  }))
  await records.record(new Map([['a', steps(1)]]))
  const { getBinary } = tables.recordSegments
  let reads = 0
  tables.recordSegments.getBinary = (...of) => { reads++; return getBinary.apply(tables.recordSegments, of) }
  isFull = true
  for (let i = 0; i < 3; i++) await t.rejects(records.record(new Map([['a', steps(2)]])))
  isFull = false
  await records.record(new Map([['a', steps(3)]]))
  t.same(await tokensOf(records, 'a'), [1, 3])
  t.equal(reads, 0)
})

t.test('segments that somebody else took away are seen to be gone', async (t) => {
  const { tables, open } = await ground(t)
  const records = open()
  for (const at of [1, 2]) await records.record(new Map([['a', steps(at)]]))
  await tables.root.childTransaction(() => tables.recordSegments.clearSync())
  t.equal(await tokensOf(records, 'a'), undefined)
  await records.record(new Map([['a', steps(3)]]))
  await records.record(new Map([['a', steps(4)]]))
  for (const some of [records, open()]) t.same(await tokensOf(some, 'a'), [3, 4])
})

t.test('whatever byte is damaged, nothing throws, nothing hangs, and no other record is lost', async (t) => {
  const { tables, open } = await ground(t)
  const random = mulberry32(7)
  const ids = idsOf('g', 20)
  const fill = open()
  for (let call = 0; call < 10; call++) await fill.record(new Map(ids.map((id) => [id, steps(call)])))
  const whole = [...tables.recordSegments.getRange()].map(({ key, value }) => ({ key, value: Buffer.from(value) }))
  const filler = (at: number) => new Map([['filler', Array.from({ length: 4096 }, (_, i) => ({ tokens: at + i, confidence: 0.123456789012345 }))]])
  for (let round = 0; round < 150; round++) {
    await tables.root.childTransaction(() => {
      tables.recordSegments.clearSync()
      const damaged = Math.floor(random() * whole.length)
      for (const [i, { key, value }] of whole.entries()) {
        const bytes = Buffer.from(value)
        const at = Math.floor(random() * bytes.length)
        if (i === damaged) bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8))
        tables.recordSegments.putSync(key, bytes)
      }
    })
    const records = open()
    const isHurt = (found: Map<string, unknown[]>) => ids.filter((id) => found.get(id)?.length !== 10)
    t.ok(isHurt(await records.recorded(ids)).length <= 2, 'the one it hit, and one that it is taken for or that follows')
    if (round % 10 !== 0) continue
    for (let i = 0; [...tables.recordSegments.getKeys({ limit: 1 })][0]! <= 10 && i < 200; i++) {
      await records.record(filler(i * 4096))
      await records.forget(['filler'])
    }
    t.ok([...tables.recordSegments.getKeys()][0]! > 10, 'all were moved')
    t.ok(isHurt(await records.recorded(ids)).length <= 2)
    t.ok(isHurt(await open().recorded(ids)).length <= 2)
    await records.record(new Map(ids.map((id) => [id, steps(11)])))
    t.same(new Set([...(await records.recorded(ids)).values()].map((some) => some.at(-1)!.tokens)), new Set([11]), 'and all go on')
  }
})

t.test('a record that is damaged altogether goes, and may begin anew', async (t) => {
  const { tables, open } = await ground(t)
  const records = open()
  await records.record(new Map([['a', steps(1)]]))
  await tables.root.childTransaction(() => tables.recordSegments.putSync(1, Buffer.from('x'.repeat(30))))
  const clean = async (until: number) => {
    for (let i = 0; [...tables.recordSegments.getKeys({ limit: 1 })][0]! <= until && i < 400; i++) {
      await records.record(new Map([['filler', Array.from({ length: 4096 }, () => ({ tokens: 1, confidence: 0.123456789012345 }))]]))
      await records.forget(['filler'])
    }
  }
  await clean(1)
  await records.record(new Map([['a', steps(2)]]))
  const [last] = [...tables.recordSegments.getKeys({ reverse: true, limit: 1 })]
  await clean(last!)
  t.same(await tokensOf(records, 'a'), [2])
})

t.test('whose turn it is to go is known when the store is opened again', async (t) => {
  const { open } = await ground(t)
  const fill = open()
  for (const id of ['a', 'b', 'c', 'a']) await fill.record(new Map([[id, steps(1)]]))
  const records = open({ generations: 3 })
  await records.record(new Map([['d', steps(1)]]))
  t.same([...(await records.recorded(['a', 'b', 'c', 'd'])).keys()], ['a', 'c', 'd'])
})

t.test('a row that is damaged so that it points to itself, or ahead, is the first of its record', async (t) => {
  const { tables, open } = await ground(t)
  const line = (segment: number) => Buffer.from(`["a",${segment},0,1,${Math.ceil(Date.now() / 1000)}]\t[${segment},0.5]\n`)
  await tables.root.childTransaction(() => { for (const number of [1, 2]) tables.recordSegments.putSync(number, line(2)) })
  t.same(await tokensOf(open(), 'a'), [2])
})

t.test('what is damaged is left behind when a record moves, and takes nothing else with it', async (t) => {
  const { tables, open } = await ground(t)
  const fill = open()
  for (const at of [1, 2, 3]) await fill.record(new Map([['a', steps(at)], ['b', steps(at)]]))
  await tables.root.childTransaction(() => {
    const bytes = Buffer.from(tables.recordSegments.getBinary(2)!)
    bytes.write('x', bytes.indexOf('\t') + 1)
    tables.recordSegments.putSync(2, bytes)
  })
  const records = open()
  for (let i = 0; [...tables.recordSegments.getKeys({ limit: 1 })][0]! <= 3 && i < 400; i++) {
    await records.record(new Map([['filler', Array.from({ length: 4096 }, () => ({ tokens: 1, confidence: 0.123456789012345 }))]]))
    await records.forget(['filler'])
  }
  await records.record(new Map([['a', steps(4)]]))
  for (const some of [records, open()]) {
    t.same(await tokensOf(some, 'a'), [1, 3, 4])
    t.same(await tokensOf(some, 'b'), [1, 2, 3])
  }
})

t.test('records that are all alive are not moved again and again, however long their ids', async (t) => {
  const { open, segments } = await ground(t)
  const records = open()
  const ids = idsOf('\u0001'.repeat(120), 20_000)
  for (let at = 0; at < 2; at++) {
    for (let i = 0; i < ids.length; i += 1000) await records.record(new Map(ids.slice(i, i + 1000).map((id) => [id, steps(at)])))
  }
  for (let i = 0; i < 30; i++) await records.record(new Map([['x', steps(i)]]))
  t.ok(segments().slice(-3).every(({ length }) => length < 100))
  t.equal((await records.recorded(ids)).size, 20_000)
})

t.test('a call takes some of the old segments away, not all of them: decisions wait meanwhile', async (t) => {
  const { open, segments } = await ground(t)
  const records = open()
  const some = Array.from({ length: 200 }, (_, i) => ({ tokens: i, confidence: 0.5, signals: { [`ü${'x'.repeat(50)}`]: i } }))
  const ids = idsOf('g', 1000)
  for (const id of ids) await records.record(new Map([[id, some]]))
  await records.forget(ids)
  const left = [segments().length]
  for (let i = 0; i < 10; i++) {
    await records.record(new Map([['x', steps(i)]]))
    left.push(segments().length)
  }
  for (let i = 1; i < left.length; i++) t.ok(left[i]! >= left[i - 1]! - 150)
  t.ok(segments().reduce((sum, { length }) => sum + length, 0) < 9 * 1024 * 1024)
})

t.test('a call moves some of what lives in the old segments, and the next one goes on', async (t) => {
  const { tables, open } = await ground(t)
  const ids = idsOf('g', 40)
  const fill = open()
  for (let at = 0; at < 100; at++) await fill.record(new Map(ids.map((id) => [id, steps(at)])))
  const many = Array.from({ length: 4096 }, (_, i) => ({ tokens: i, confidence: 0.123456789012345 }))
  const dead = idsOf('dead', 120)
  for (const id of dead) await fill.record(new Map([[id, many]]))
  await fill.forget(dead)
  let reads = 0
  const { getBinaryFast } = tables.recordSegments
  tables.recordSegments.getBinaryFast = (...of) => { reads++; return getBinaryFast.apply(tables.recordSegments, of) }
  const oldest = () => [...tables.recordSegments.getKeys({ limit: 1 })][0]!
  let calls = 0
  for (; oldest() <= 100 && calls < 50; calls++) {
    const records = open() // as if it had ended in the middle
    reads = 0
    await records.record(new Map([['x', steps(calls)]]))
    t.ok(reads < 800, `${reads} rows`)
    for (const id of ids) t.strictSame(await tokensOf(records, id), Array.from({ length: 100 }, (_, at) => at))
  }
  t.ok(calls >= 8 && calls < 50, `${calls} calls: 4,000 rows were to be moved`)
  t.equal((await open().recorded(['x'])).get('x')!.length, calls)
})
