import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import { thresholdInForce } from '../../../src/core/learn/threshold-in-force.js'
import { policyOf } from '../../../src/core/learn/ledger.js'
import { writeState } from '../../../src/core/learn/write-state.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { FIRST, KEPT, LEAF, memoryFold, outcomeOf, policyWith } from './memory-fold.js'
import { changed } from '../../changed-state.js'

const LAST = GRID.length - 1

t.test('policyOf uses the current policies and configuration, however often it was called before', async (t) => {
  const fold = memoryFold()
  const { ledger } = fold
  t.equal(policyOf(ledger, LEAF).max_em_drop, 0.02)
  t.equal(policyOf(ledger, LEAF), policyOf(ledger, LEAF), 'remembered')
  t.equal(policyOf({ ...ledger, policies: new Map([['model=q', { max_em_drop: 0.05 }]]) }, LEAF).max_em_drop, 0.05)
  const configuration = { ...ledger.configuration, defaults: { max_em_drop: 0.01 } }
  t.equal(policyOf({ ...ledger, configuration }, LEAF).max_em_drop, 0.01, 'other defaults with the very same policies')
  t.equal(policyOf(ledger, LEAF).max_em_drop, 0.02)
})

t.test('policyOf does not remember every context that outcomes name', async (t) => {
  let reads = 0
  const policies = new Map<string, PolicyPatch>()
  const counted = Object.assign(policies, { get: () => { reads++; return undefined } })
  const ledger = { ...memoryFold({}, { max_contexts: 8 }).ledger, policies: counted }
  const readsFor = (key: string) => {
    reads = 0
    policyOf(ledger, key)
    return reads > 0
  }
  t.ok(readsFor(LEAF))
  t.notOk(readsFor(LEAF), 'it is remembered')
  for (let i = 0; i < 16; i++) policyOf(ledger, `model=q,task=flood-${i}`)
  t.ok(readsFor(LEAF), 'it is forgotten')
})

t.test('write stores the threshold that the evidence certifies, and notes moves only', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  const state = fold.state()
  fold.changes.length = 0

  const writing = { policy: policyWith(), cause: 'evidence', mayMove: true } as const
  writeState(fold, LEAF, changed(state, { reports: { updated_at: 5 } }), { ...writing, time: 5 })
  t.strictSame(fold.changes, [], 'nothing moved')
  t.equal(fold.state().reports.updated_at, 5)

  writeState(fold, LEAF, changed(state, { evidence: { certified: -1 } }), { ...writing, time: 6, mayMove: false })
  t.equal(fold.state().rule.index, LAST, 'not asked to look')
  writeState(fold, LEAF, changed(state, { evidence: { certified: -1, log_evidence: { best: 5, now: 1 } } }), { ...writing, time: 6 })
  t.match(fold.state(), { rule: { index: -1 }, evidence: { log_evidence: null } })
  t.strictSame(fold.changes, [{ time: 6, key: LEAF, cause: 'evidence', epoch: 1, before: GRID[LAST], after: null }])
})

t.test('forceOf sees the chain as the learner has it: pins and pools', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  t.match(thresholdInForce(fold, LEAF, 0), { threshold: GRID[LAST], scope: 'own', isPinned: false })
  t.match(thresholdInForce(fold, 'model=q,task=new', 0), { threshold: null, scope: 'none' })
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' })
  t.match(thresholdInForce(fold, LEAF, 0), { threshold: 0.5, scope: 'own', isPinned: true })
  const pool = memoryFold({ certify_at: 'model' })
  pool.learn(KEPT, 0, FIRST)
  t.match(thresholdInForce(pool, LEAF, 0), { threshold: GRID[LAST], scope: 'pool', isNew: false, source: { key: 'model=q' } })
  t.match(thresholdInForce(pool, 'model=q,task=new', 0), { threshold: null, scope: 'none', isNew: true, isEvidence: true, source: { key: 'model=q' } })
  t.match(thresholdInForce(pool, '*', 0), { threshold: null, scope: 'none', source: { key: '*' } })
})

t.test('an epoch is named after the entry that opened it, and its start drops the enrolled generations', async (t) => {
  const fold = memoryFold({ follow_up_seconds: 60 })
  const enrolment = { type: 'enrolment', boot: 'a', age: 0, entries: [{ key: LEAF, epoch: null, share: 1, draws: [[0.1, 0.1]] }] } as const
  fold.append({ ...enrolment, number: 1 }, 5)
  t.equal(fold.state().epoch.name, '5-1')
  fold.append(outcomeOf({ u: 0.1, full: {}, steps: [{ tokens: 1, confidence: 1 }] }), 6)
  t.equal(fold.pending.size, 1)
  fold.append({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' }, 7)
  t.equal(fold.state().epoch.name, '7-3')
  t.match(fold.cohorts.get(LEAF), { epoch: '7-3', open: 0 })
  t.equal(fold.pending.size, 0)
})

t.test('a pin ends by itself at its time, as it does in replicas, however far the learner is behind its removal', async (t) => {
  const fold = memoryFold({ control_rate: 0.05 })
  fold.learn(KEPT, 0, FIRST)
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: null, reason: 'test', by: 'ops', expires_at: 3000 }, by: 'ops', reason: 'test' }, 2000)
  fold.learn(outcomeOf({ arm: null, u: 0.5 }), 2999)
  t.match(fold.state(), { rule: { control_share: 1 }, reports: { follow_up: { accounted: FIRST + 1 } } }, 'pinned: all are control')
  fold.learn(outcomeOf({ arm: null, u: 0.5 }), 3000)
  t.equal(fold.state().rule.control_share, 0.05)
})
