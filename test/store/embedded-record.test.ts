import { setTimeout } from 'node:timers/promises'
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
  const before = open({ steps: 5, seconds: 1 })
  await before.record(new Map([['a', steps(1, 2)], ['b', steps(1)], ['c', steps(1)]]))
  await before.record(new Map([['a', steps(3)]]))
  await before.forget(['c'])
  await setTimeout(1050)
  const after = open({ steps: 5, seconds: 1 })
  t.same([...(await after.recorded(['a', 'b', 'c'])).keys()], ['a', 'b'], 'when their last steps came is not known: perhaps just then')
  t.equal(await after.record(new Map([['a', steps(4, 5, 6)], ['c', steps(2)]])), 3, 'the limit counts those of before')
  t.same(await tokensOf(after, 'a'), [1, 2, 3, 4, 5])
  t.same(await tokensOf(after, 'c'), [2], 'what was forgotten does not come back')
  await until('the one that nobody writes to is over', async () => await tokensOf(after, 'b') === undefined)
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

t.test('segments stay few, and records whole, whatever comes and goes', async (t) => {
  const { open, segments } = await ground(t)
  const random = mulberry32(3)
  let records = open({ generations: 300, bytes: 1024 * 1024 })
  const expected = new Map<string, number[]>()
  for (let call = 0; call < 400; call++) {
    const some = new Map(Array.from({ length: 20 }, () => [`g${Math.floor(random() * 250)}`, steps(...Array.from({ length: 250 }, (_, i) => call * 250 + i))]))
    some.set('long', steps(call))
    await records.record(some)
    for (const [id, of] of some) expected.set(id, [...expected.get(id) ?? [], ...of.map(({ tokens }) => tokens)])
    const over = [...expected.keys()].filter((id) => id !== 'long' && random() < 0.07)
    await records.forget(over)
    for (const id of over) expected.delete(id)
    if (call % 100 === 57) records = open({ generations: 300, bytes: 1024 * 1024 })
    if (call % 40 !== 0) continue
    for (const [id, tokens] of expected) t.strictSame(await tokensOf(records, id), tokens, id)
    t.equal((await records.recorded([...idsOf('g', 250)].filter((id) => !expected.has(id)))).size, 0)
  }
  const bytes = segments().reduce((sum, { length }) => sum + length, 0)
  t.ok(bytes < 11 * 1024 * 1024, `${bytes} bytes: twice what lives at most, and some`)
  t.ok(segments().length < 400, 'the oldest are gone')
  t.same(await tokensOf(records, 'long'), expected.get('long'))
})
