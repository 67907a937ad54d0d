import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { countPacked, MAX_VOID_UNITS, packNumbers, SeenUnits, unpackNumbers } from '../../../src/core/evidence/seen-units.js'
import { holds } from '../../property.js'
import { draws } from './cohort-fixtures.js'

t.test('packed numbers are restored to the bit', async (t) => {
  holds(t, fc.property(fc.array(fc.double()), (numbers) => {
    assert.deepEqual(unpackNumbers(packNumbers(numbers)), numbers)
  }))
})

t.test('packed numbers are counted, and any other text is rejected', async (t) => {
  t.equal(countPacked(''), 0)
  t.equal(countPacked(packNumbers([0, 0.5, 1]), 1), 3)
  t.equal(countPacked(packNumbers([3])), 1)
  for (const [text, most] of [
    [packNumbers([3]), 1], [packNumbers([-1])], [packNumbers([NaN])], ['AAAA'], ['?'], [packNumbers([0.5]).slice(0, -1)],
  ] as const) t.equal(countPacked(text, most), null, text)
})

const throughStore = (spent: SeenUnits) => new SeenUnits(JSON.parse(JSON.stringify(spent.store())))

t.test('units are spent as long as they are remembered', async (t) => {
  const spent = new SeenUnits()
  spent.addAccounted(0.1, 10, 0)
  spent.addVoid([0.2], 20, 0)
  spent.addMissed(0.3, 30, 0)
  for (const one of [spent, throughStore(spent)]) {
    t.strictSame([9, 10].map((clock) => one.has(0.1, clock)), [true, false])
    t.strictSame([19, 20].map((clock) => one.has(0.2, clock)), [true, false])
    t.strictSame([29, 30].map((clock) => one.has(0.3, clock)), [true, false])
    t.notOk(one.has(0.4, 0))
  }
})

t.test('control units of the epoch before are known for a while, but are not spent', async (t) => {
  const spent = new SeenUnits()
  spent.addVoid([0.2], 20, 0)
  spent.addMissed(0.4, 20, 0)
  t.strictSame(spent.outstanding, [0.4, 0.2])
  spent.addFormer([0.1, 0.3], 10)
  for (const one of [spent, throughStore(spent)]) {
    t.strictSame([0.1, 0.2, 0.3].map((u) => one.isFormer(u, 9)), [true, false, true])
    t.notOk(one.has(0.1, 9))
    t.notOk(one.isFormer(0.1, 10))
    t.match(one.store().former, { units: '' }, 'they take no more room')
  }
})

t.test('expired units are forgotten', async (t) => {
  const spent = new SeenUnits()
  for (let clock = 0; clock < 1000; clock++) {
    spent.addAccounted(clock / 1000, clock + 10, clock)
    spent.addVoid([clock / 1000], clock + 10, clock)
  }
  const { accounted, void: voids } = throughStore(spent).store()
  for (const { units } of [accounted, voids]) t.ok(Buffer.from(units, 'base64').length <= 8 * 10)
  spent.addAccounted(0.999, 5000, 1001)
  t.ok(spent.has(0.999, 4999), 'a unit that is spent again is remembered from then on')
})

t.test('units that are accounted for do not push out void ones', async (t) => {
  const spent = new SeenUnits()
  spent.addVoid([0.5], 1e6, 0)
  for (const [i, u] of draws(10_000).entries()) spent.addAccounted(u, 24_000 + i, i)
  t.ok(spent.has(0.5, 10_000))
})

t.test('a unit went missing also after its memory ended, but a prompt may have been drawn again', async (t) => {
  const spent = new SeenUnits()
  spent.addMissed(0.3, 30, 0)
  for (const one of [spent, throughStore(spent)]) {
    t.strictSame([29, 1e9].map((clock) => one.isMissed(0.3, clock, false)), [true, true])
    t.strictSame([29, 30].map((clock) => one.isMissed(0.3, clock, true)), [true, false])
    t.notOk(one.isMissed(0.1, 0, false))
  }
})

t.test('of the units that went missing, those of a follow-up are remembered, and at least 1,024', async (t) => {
  const spent = new SeenUnits()
  const all = draws(16_384)
  for (const [i, u] of all.entries()) spent.addMissed(u, 20_000 + i, i)
  t.ok(throughStore(spent).isMissed(all[0]!, 0, false))
  const next = draws(1024, 20_000)
  for (const u of next) spent.addMissed(u, 50_000, 40_000)
  t.notOk(all.some((u) => spent.isMissed(u, 0, false)))
  spent.addMissed(0.5, 90_000, 80_000)
  t.strictSame(next.filter((u) => !spent.isMissed(u, 80_000, false)), next.slice(0, 1))
})

t.test('of too many void units the oldest are forgotten', async (t) => {
  const spent = new SeenUnits()
  const all = draws(MAX_VOID_UNITS + 3)
  spent.addVoid(all, 100, 0)
  for (const one of [spent, throughStore(spent)]) t.strictSame(all.filter((u) => !one.has(u, 0)), all.slice(0, 3))
})
