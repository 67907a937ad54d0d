import fc from 'fast-check'
import t from 'tap'
import { type Evidence, noEvidence } from '../../../src/core/stats/evidence.js'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { addToMembership } from '../../../src/core/evidence/membership.js'
import { NO_EVIDENCE } from '../../core/stats/no-evidence.js'
import { newSpan } from '../../../src/core/evidence/evidence-span.js'
import { isState } from '../../../src/store/encoding/context-schemas.js'
import { encodeState, reviveState } from '../../../src/store/encoding/context-states.js'
import { inTurns } from '../../../src/store/encoding/in-turns.js'
import { auditOf, encodeEntry, tableWrite } from '../../../src/store/encoding/log-rows.js'
import { encodeChange, encodeLedger, reviveLedger } from '../../../src/store/encoding/stored-values.js'
import { toCursor, toPlace } from '../../../src/store/log.js'
import { spendTime } from '../../clock.js'
import { memberUnit } from '../../core/learn/member-unit.js'
import { holds } from '../../property.js'
import { change, LEDGER, outcome, pinEntry, predictorEntry, RESET, state, TICK, unpinEntry, versionOf } from '../fixtures.js'
import { changed } from '../../changed-state.js'

const decoded = (state: ContextState) => reviveState(JSON.parse(encodeState(state)))

t.test('encoded values are decoded unchanged', async (t) => {
  t.same(decoded(state(3)), state(3))
  t.same(reviveLedger(JSON.parse(encodeLedger(LEDGER))), LEDGER)
  t.ok(reviveLedger(JSON.parse(encodeLedger(LEDGER))).policies instanceof Map)
  t.same(JSON.parse(encodeChange(change(1))), change(1))
  for (const entry of [outcome('a'), TICK, RESET, pinEntry('*', null), unpinEntry('*')]) t.same(JSON.parse(encodeEntry(entry)), entry)
})

t.test('numbers keep every bit', async (t) => {
  holds(t, fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0))), (drift) => {
    t.same(decoded(changed(state(1), { guards: { drift } })).guards.drift, drift)
  }))
})

t.test('empty evidence is not written out, and equal parts are decoded to one object', async (t) => {
  const next = changed(state(3), { evidence: { open: { evidence: NO_EVIDENCE, unaccounted: 3 } } })
  const read = decoded(next)
  t.same(read, next)
  t.match(JSON.parse(encodeState(next)), { evidence: { final: null, open: { evidence: null, unaccounted: 3 } } })
  t.equal(read.evidence.final, NO_EVIDENCE)
  t.equal(read.evidence.open.evidence, NO_EVIDENCE)
  t.equal(read.evidence.span.known!.gained, decoded(next).evidence.span.known!.gained, 'also lists of zeros')
  t.equal(decoded(next).epoch.meaning, read.epoch.meaning)
  t.equal(encodeState(read), encodeState(next), 'fields keep their order')
})

t.test('evidence has as many thresholds as the grid of the score', async (t) => {
  const none = noEvidence(20)
  const scored = (evidence: Evidence) => {
    return changed(state(3), { evidence: { final: evidence, open: { evidence: none, unaccounted: 0 }, span: newSpan(20, 0) } })
  }
  t.equal(decoded(scored(none)).evidence.final, none, 'one object')
  const full = scored({ ...none, generations: 2, lost: none.lost.with(19, 1) })
  t.same(decoded(full), full)
  t.equal(decoded(full).evidence.final.gained, none.gained)
})

t.test('the evidence of a pool member is decoded unchanged', async (t) => {
  const membership = addToMembership(addToMembership(undefined, memberUnit({ lost: 1 })), memberUnit({ slice: 4, firstOpen: 2 }))
  const written = { ...state(3), membership }
  t.same(decoded(written), written)
  t.ok(isState(JSON.parse(encodeState(written))))
  const kept = { ...state(3), membership: addToMembership(undefined, memberUnit()) }
  t.match(JSON.parse(encodeState(kept)).membership.evidence, { lost: [], tokens: { length: 30 } })
})

t.test('the audit trail keeps commands, and for a predictor only the action', async (t) => {
  for (const command of [pinEntry('*', 0.5), unpinEntry('*'), RESET]) t.equal(auditOf(command), command)
  const kept = { type: 'predictor', name: 'p', by: 'ops' }
  t.strictSame(auditOf(predictorEntry('p', versionOf('p', 1))), { ...kept, action: 'added' })
  t.strictSame(auditOf({ ...predictorEntry('p', versionOf('p', 1, 0)), reason: 'why' }), { ...kept, action: 'retired', reason: 'why' })
  t.strictSame(auditOf(predictorEntry('p', null)), { ...kept, action: 'forgotten' })
  for (const entry of [outcome('a'), TICK]) t.equal(auditOf(entry), null)
})

t.test('only policies, pins and predictors are also written to a table', async (t) => {
  t.same(tableWrite({ type: 'policy', key: '*', policy: { min_tokens: 3 }, by: 'ops' }), { table: 'policies', key: '*', value: '{"min_tokens":3}' })
  t.same(tableWrite({ type: 'policy', key: '*', policy: null, by: 'ops' }), { table: 'policies', key: '*', value: null })
  t.same(tableWrite(pinEntry('model=q', null)), { table: 'pins', key: 'model=q', value: '{"threshold":null,"reason":"why","by":"ops","expires_at":null}' })
  t.same(tableWrite(unpinEntry('model=q')), { table: 'pins', key: 'model=q', value: null })
  t.same(tableWrite(predictorEntry('p', versionOf('p', 1))), { table: 'predictors', key: 'p', value: JSON.stringify(versionOf('p', 1)) })
  t.same(tableWrite(predictorEntry('p', null)), { table: 'predictors', key: 'p', value: null })
  for (const entry of [outcome('a'), TICK, RESET]) t.equal(tableWrite(entry), null)
})

t.test('a cursor and a place convert into each other', async (t) => {
  t.same(toPlace('1795539103502-17'), [1795539103502, 17])
  holds(t, fc.property(fc.nat(), fc.nat(), (ms, sequence) => { t.same(toPlace(toCursor([ms, sequence])), [ms, sequence]) }))
})

t.test('long lists are encoded in turns', async (t) => {
  t.same(await inTurns([], String), [])
  const spend = spendTime(t)
  let turns = 0
  let turn = setImmediate(function count () { turns++; turn = setImmediate(count) })
  t.teardown(() => { clearImmediate(turn) })
  const items = Array.from({ length: 5001 }, (_, i) => i)
  t.same(await inTurns(items, (item) => { spend(0.02); return String(item) }), items.map(String))
  t.ok(turns > 40, 'other work ran in between, every 2 ms')
})
