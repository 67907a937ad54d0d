import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import { addTrace } from '../../../src/core/stats/evidence-sum.js'
import { stopsOf } from '../../../src/core/stats/trace.js'
import { type ContextState, openEpoch } from '../../../src/core/learn/context-state.js'
import { addToMembership, type Membership } from '../../../src/core/evidence/membership.js'
import { firstDay } from '../../../src/core/stats/savings.js'
import { newSpan } from '../../../src/core/evidence/evidence-span.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { describeRow } from '../../../src/core/reports/context-row.js'
import { decidedRow } from '../../../src/core/reports/decided-row.js'
import { linkOf } from '../../../src/core/learn/chain-link.js'
import { compileSnapshot } from '../../../src/core/learn/compile-snapshot.js'
import { withoutStops } from '../../../src/core/decide/snapshot.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import { memberUnit } from '../learn/member-unit.js'
import { FIRST } from '../learn/memory-fold.js'
import { AT_TEST_CADENCE, TEST_POLICY } from '../../test-cadence.js'
import { changed, type Changes } from '../../changed-state.js'

const levels = ['model', 'task']
const trace = { tokens: 64, answerTokens: 0, em: 1, steps: [{ tokens: 32, score: 0.95, em: 1 }], isComplete: true } as const

function stateOf (generations: number, changes: Changes = {}): ContextState {
  let evidence = NO_EVIDENCE
  for (let i = 0; i < generations; i++) evidence = addTrace(evidence, trace, stopsOf(trace, 0))
  const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: TEST_POLICY, levels, time: 1000, name: '1000-1' })
  return changed(changed(opened, { evidence: { final: evidence, span: newSpan(GRID.length, 0) } }), changes)
}

const loaded = (states: Record<string, ContextState>, policy: PolicyPatch = {}) => ({
  levels,
  defaultPolicy: { ...AT_TEST_CADENCE, ...policy },
  policies: new Map(),
  pins: new Map(),
  predictors: new Map(),
  states: new Map(Object.entries(states)),
})

t.test('a leaf of its own has its status, and the time at which its epoch began', async (t) => {
  t.match(describeRow(loaded({ 'model=q,task=a': stateOf(FIRST) }), 'model=q,task=a', 0), {
    is_leaf: true, is_certifying: true, status: 'certified', is_pinned: false, max_em_drop: 0.02, alarms: [],
  })
})

t.test('generations an hour are a mean, over a minute at least and a day at most', async (t) => {
  const HOUR = 3_600_000
  const day = { ...firstDay(0), generations: 30, latest: 60_000 }
  const rate = (now: number, change: object = {}) => describeRow(loaded({ 'model=q,task=a': stateOf(0, { savings: { day: { ...day, ...change } } }) }), 'model=q,task=a', now).generations_per_hour
  t.equal(rate(59_999), null)
  t.equal(rate(60_000), 1800)
  t.equal(rate(HOUR), 30)
  t.equal(rate(12 * HOUR, { last_generations: 4800 }), 2430 / 24, 'half of the day before completes the last 24 hours')
  t.equal(rate(48 * HOUR), 0, 'no outcome has come for a day')
})

t.test('a context of a pool has the status of the pool; sums certify nothing', async (t) => {
  const states = loaded({ '*': stateOf(0), 'model=q': stateOf(FIRST), 'model=q,task=a': stateOf(0) }, { certify_at: 'model' })
  t.match(describeRow(states, 'model=q,task=a', 0), { is_leaf: true, is_certifying: false, status: 'certified' })
  t.match(describeRow(states, 'model=q', 0), { is_leaf: false, is_certifying: true, status: 'certified' })
  t.match(describeRow(states, '*', 0), { is_leaf: false, is_certifying: false, status: 'learning' })
})

t.test('if a pool has drifted, only the pool has the alarm', async (t) => {
  const states = loaded({ 'model=q': stateOf(0, { epoch: { cause: 'drift' } }), 'model=q,task=a': stateOf(0) }, { certify_at: 'model' })
  t.match(describeRow(states, 'model=q', 0), { status: 'drifted', alarms: ['drift'], withdrawn_at: 1000 })
  t.match(describeRow(states, 'model=q,task=a', 0), { status: 'drifted', alarms: [], withdrawn_at: null })
})

t.test('a member of a pool shows its own evidence at the threshold of the pool, and an alarm once it has left', async (t) => {
  const shown = (changes: Partial<Membership>) => {
    const membership = { ...addToMembership(undefined, memberUnit({ lost: 1, epoch: '1000-1' })), is_known: true, ...changes }
    const states = loaded({ '*': stateOf(0), 'model=q': stateOf(FIRST), 'model=q,task=a': stateOf(0, { membership }) }, { certify_at: 'model' })
    return describeRow(states, 'model=q,task=a', 0)
  }
  t.match(shown({}), { status: 'certified', scope: 'pool', pool: { key: 'model=q', left_at: null }, em_drop: 1, em_drop_high: 1, control_generations: 1, tokens_saved_ratio: 0.6, alarms: [] })
  t.match(shown({ left_at: 5000 }), { status: 'drifted', scope: 'none', threshold: null, pool: { left_at: 5000 }, em_drop: 1, alarms: ['left_pool'], withdrawn_at: 5000 })
  t.match(shown({ left_at: 5000, epoch: '900-1' }), { status: 'certified', pool: { left_at: null }, em_drop: null, control_generations: 0, alarms: [] }, 'an earlier epoch')
})

t.test('a threshold was withdrawn when the epoch began, whatever moved later, or when the context left its pool', async (t) => {
  const at = (changes: Changes) => describeRow(loaded({ 'model=q,task=a': stateOf(0, changes) }), 'model=q,task=a', 2000).withdrawn_at
  t.equal(at({ epoch: { cause: 'drift' } }), 1000)
  t.equal(at({ epoch: { cause: 'breach' } }), 1000)
  t.equal(at({ guards: { drift: [9, 9, 9] } }), null, 'a suspicion withdraws nothing')
})

t.test('drift, breach and suspicions are alarms', async (t) => {
  const alarms = (changes: Changes) => describeRow(loaded({ 'model=q,task=a': stateOf(0, changes) }), 'model=q,task=a', 0).alarms
  t.same(alarms({ epoch: { cause: 'drift' } }), ['drift'])
  t.same(alarms({ epoch: { cause: 'breach' }, guards: { is_suspected: true } }), ['breach'], 'a suspicion of breach is none of drift')
  t.same(alarms({ epoch: { cause: 'breach' }, guards: { drift: [9, 9, 9] } }), ['breach', 'drift_suspected'])
  t.same(alarms({}), [])
})

t.test('a row as decided equals the row as read, and without a reading has all but its figures', async (t) => {
  const member = { ...addToMembership(undefined, memberUnit({ lost: 1, epoch: '1000-1' })), is_known: true }
  const pooled = { '*': stateOf(0), 'model=q': stateOf(FIRST), 'model=q,task=a': stateOf(0, { membership: member }) }
  const cases: Array<[states: Record<string, ContextState>, policy: PolicyPatch]> = [
    [{ '*': stateOf(0), 'model=q': stateOf(0), 'model=q,task=a': stateOf(FIRST) }, {}],
    [pooled, { certify_at: 'model' }],
    [{ ...pooled, 'model=q': stateOf(0, { epoch: { cause: 'drift' } }) }, { certify_at: 'model', mode: 'shadow' }],
    [{ ...pooled, 'model=q,task=a': stateOf(0, { membership: { ...member, left_at: 5000 } }) }, { certify_at: 'model' }],
  ]
  for (const [states, policy] of cases) {
    const inputs = loaded(states, policy)
    const links = new Map(Object.entries(states).map(([key, state]) => [key, linkOf(inputs, key, state)]))
    const snapshot = compileSnapshot({ stateId: 's', version: 1, levels, salt: null }, links)
    for (const key of Object.keys(states)) {
      const read = describeRow(inputs, key, 0)
      t.strictSame(decidedRow(snapshot, links, false, key, read), read, key)
      const { status, mode, threshold, scope, is_certifying: isCertifying } = read
      t.match(decidedRow(snapshot, links, false, key, undefined), {
        status, mode, threshold, scope, is_certifying: isCertifying, control_generations: null, em_drop: null,
      }, `${key}, never read`)
      t.equal(decidedRow(withoutStops(snapshot), links, false, key, read).mode, 'off', `${key}, paused`)
      t.match(decidedRow(snapshot, links, true, key, read), { threshold: null, scope: 'none' }, `${key}, too old`)
    }
  }
})
