import fc from 'fast-check'
import t from 'tap'
import {
  decodeChange, decodeEntry, decodeLedger, decodeState, encodeChange, encodeEntry, encodeLedger, encodeState, inTurns, tableWrite, toCursor,
  toPlace,
} from '../../src/store/encoding.js'
import { holds } from '../property.js'
import { change, LEDGER, outcome, pinEntry, RESET, state, TICK, unpinEntry } from './fixtures.js'

t.test('what is decoded is what was encoded', async (t) => {
  t.same(decodeState(encodeState(state(3))), state(3))
  t.same(decodeLedger(encodeLedger(LEDGER)), LEDGER)
  t.ok(decodeLedger(encodeLedger(LEDGER)).policies instanceof Map)
  t.same(decodeChange(encodeChange(change(1)), 7), { ...change(1), version: 7 })
  for (const entry of [outcome('a'), TICK, RESET, pinEntry('*', null), unpinEntry('*')]) t.same(decodeEntry(encodeEntry(entry)), entry)
})

t.test('numbers keep every bit', async (t) => {
  holds(t, fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0))), (drift) => {
    t.same(decodeState(encodeState({ ...state(1), drift })).drift, drift)
  }))
})

t.test('policies and pins are written beside the log, and nothing else is', async (t) => {
  t.same(tableWrite({ type: 'policy', key: '*', policy: { min_tokens: 3 }, by: 'ops' }), { table: 'policies', key: '*', value: '{"min_tokens":3}' })
  t.same(tableWrite({ type: 'policy', key: '*', policy: null, by: 'ops' }), { table: 'policies', key: '*', value: null })
  t.same(tableWrite(pinEntry('model=q', null)), { table: 'pins', key: 'model=q', value: '{"threshold":null,"reason":"why","by":"ops","expires_at":null}' })
  t.same(tableWrite(unpinEntry('model=q')), { table: 'pins', key: 'model=q', value: null })
  for (const entry of [outcome('a'), TICK, RESET]) t.equal(tableWrite(entry), null)
})

t.test('a cursor names a place', async (t) => {
  t.same(toPlace('1795539103502-17'), [1795539103502, 17])
  holds(t, fc.property(fc.nat(), fc.nat(), (ms, sequence) => { t.same(toPlace(toCursor([ms, sequence])), [ms, sequence]) }))
})

t.test('much is encoded in turns', async (t) => {
  t.same(await inTurns([], String), [])
  let turns = 0
  const counting = setInterval(() => { turns++ }, 0)
  const items = Array.from({ length: 1001 }, (_, i) => i)
  const start = performance.now()
  t.same(await inTurns(items, (item) => {
    while (performance.now() < start + (item + 1) * 0.02); // 0.02 ms each
    return String(item)
  }), items.map(String))
  clearInterval(counting)
  t.ok(turns > 0, 'others had theirs')
})
