import fc from 'fast-check'
import t from 'tap'
import { nothingTested } from '../../../src/core/certificate/tested-evidence.js'
import { type Evidence, noEvidence, NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import type { ContextState } from '../../../src/core/contexts/context-state.js'
import { addToMembership } from '../../../src/core/contexts/membership.js'
import { isState } from '../../../src/store/encoding/context-schemas.js'
import { encodeState, reviveState } from '../../../src/store/encoding/context-states.js'
import { inTurns } from '../../../src/store/encoding/in-turns.js'
import { auditOf, encodeEntry, tableWrite } from '../../../src/store/encoding/log-rows.js'
import { encodeChange, encodeLedger, reviveLedger } from '../../../src/store/encoding/stored-values.js'
import { toCursor, toPlace } from '../../../src/store/log.js'
import { memberUnit } from '../../core/contexts/member-unit.js'
import { holds } from '../../property.js'
import { change, LEDGER, outcome, pinEntry, predictorEntry, RESET, state, TICK, unpinEntry, versionOf } from '../fixtures.js'

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
    t.same(decoded({ ...state(1), drift }).drift, drift)
  }))
})

t.test('empty evidence is not written out, and equal parts are decoded to one object', async (t) => {
  const { requested } = state(3)
  const counted = { ...NO_EVIDENCE, generations: 1 }
  const tested = nothingTested(30, { clock: 0, time: 0 })
  const trial = { predictor: 'p', evidence: counted, open: { evidence: NO_EVIDENCE, unaccounted: 3 }, tested }
  const next = { ...state(3), requested: { ...requested, predictor: 'auto' }, serving: 'p', challengers: 2, trials: [trial] }
  const read = decoded(next as never) as any
  t.same(read, next)
  t.match(JSON.parse(encodeState(next as never)), {
    evidence: null,
    open: { evidence: null, unaccounted: 0 },
    trials: [{ evidence: { generations: 1 }, open: { evidence: null, unaccounted: 3 } }],
  })
  t.equal(read.evidence, NO_EVIDENCE)
  t.equal(read.open.evidence, NO_EVIDENCE)
  t.equal(read.tested.final.lost, read.trials[0].tested.final.lost, 'also lists of zeros')
  t.equal(decoded(next as never).meaning, read.meaning)
  t.equal(encodeState(read), encodeState(next as never), 'fields keep their order')
})

t.test('the evidence of a trial has as many thresholds as the grid of its predictor', async (t) => {
  const none = noEvidence(60)
  const full = { ...none, generations: 2, lost: none.lost.with(59, 1) }
  const withTrials = (...each: Evidence[]) => ({
    ...state(3),
    trials: each.map((evidence) => {
      const tested = nothingTested(evidence.lost.length, { clock: 0, time: 0 })
      return { predictor: 'p', evidence, open: { evidence, unaccounted: 0 }, tested }
    }),
  }) as never
  const next = withTrials(none, full, NO_EVIDENCE)
  const read = decoded(next)
  t.same(read, next)
  t.equal(read.trials[0]!.evidence, none, 'one object')
  t.equal(read.trials[1]!.evidence.gained, none.gained)
  t.notOk('thresholds' in read.trials[0]!)
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
  let turns = 0
  const counting = setInterval(() => { turns++ }, 0)
  const items = Array.from({ length: 5001 }, (_, i) => i)
  const start = performance.now()
  t.same(await inTurns(items, (item) => {
    while (performance.now() < start + (item + 1) * 0.02); // 0.02 ms each
    return String(item)
  }), items.map(String))
  clearInterval(counting)
  t.ok(turns > 0, 'timers ran in between')
})
