import t from 'tap'
import type { ProbeForm, ProbeFormFinding } from '../../../src/core/decide/probe-form.js'
import type { ProbeFormEntry } from '../../../src/core/learn/log-entry.js'
import { readState, encodeState } from '../../../src/store/encoding/context-states.js'
import { FIRST, KEPT, LEAF, memoryFold, outcomeOf } from './memory-fold.js'
import { changed } from '../../changed-state.js'

const DIRECT: ProbeForm = { name: 'direct', suffix: '', before: '', after: '', tokens: 1 }
const BOXED: ProbeForm = { name: 'boxed', suffix: '\\boxed{', before: '\n', after: '\n\n', tokens: 5 }

const entry = (form: ProbeForm | null, rest: Partial<ProbeFormFinding> = {}, key = LEAF): ProbeFormEntry =>
  ({ type: 'probe_form', key, finding: { form, is_stated: false, generations: 20, tried: [], ...rest }, by: 'worker' })

t.test('the first form that is found for a context stays, and creates the context', async (t) => {
  const fold = memoryFold()
  fold.learn(entry(DIRECT), 1)
  fold.learn(entry(BOXED), 2)
  t.match(fold.state(), { epoch: { number: 1, cause: 'first_enrolment' }, probes: { form: { form: DIRECT, at: 1 } } })
  t.same(fold.changes, [])
})

t.test('a search without result gives way to a form', async (t) => {
  const fold = memoryFold()
  fold.learn(entry(null), 1)
  t.match(fold.state(), { probes: { form: { form: null } } })
  fold.learn(entry(DIRECT), 2)
  t.match(fold.state(), { epoch: { number: 1 }, probes: { form: { form: DIRECT } } })
})

t.test('another form that an operator states opens an epoch; a found one, or the same again, does not', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(entry(DIRECT), 1)
  t.match(fold.state(), { epoch: { number: 1 }, rule: { index: 29 } }, 'a form that becomes known changes nothing')
  fold.learn(entry(BOXED), 2)
  fold.learn(entry(DIRECT, { is_stated: true }), 3)
  t.match(fold.state(), { epoch: { number: 1 }, rule: { index: 29 }, probes: { form: { form: DIRECT, is_stated: false } } })
  fold.changes.length = 0
  fold.learn(entry(BOXED, { is_stated: true }), 4)
  t.match(fold.state(), { epoch: { number: 2, cause: 'probe_form' }, rule: { index: -1, control_share: 1 }, probes: { form: { form: BOXED, is_stated: true } } })
  t.match(fold.changes, [{ cause: 'probe_form', key: LEAF, epoch: 2, before: Number, after: null, by: 'worker', reason: 'probe form boxed, as stated' }])
})

t.test('a form outlasts other epochs, but for those of a reset, which may mean another model', async (t) => {
  const fold = memoryFold()
  fold.learn(entry(DIRECT), 0)
  fold.learn({ type: 'policy', key: LEAF, policy: { min_tokens: 7 }, by: 'ops' }, 1)
  t.match(fold.state(), { epoch: { number: 2 }, probes: { form: { form: DIRECT } } })
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'other weights' }, 2)
  t.match(fold.state(), { epoch: { number: 3 }, probes: { form: null } })
})

t.test('a form is refused by contexts that gather no evidence', async (t) => {
  const fold = memoryFold()
  fold.learn(outcomeOf({}), 0)
  fold.learn(entry(DIRECT, {}, 'model=q'), 1)
  t.equal(fold.state('model=q').probes.form, null)
})

t.test('answers forced at the end of the reasoning are counted, and low validity is a warning', async (t) => {
  const fold = memoryFold()
  fold.learn(entry(DIRECT), 0)
  for (let i = 0; i < 20; i++) fold.learn(outcomeOf({ generation_id: `g${i}`, end_probe: i < 15 ? 1 : 0 }), 1)
  t.match(fold.state(), { probes: { form: { asked: 20, equal: 15 } } })
  t.same(readState(encodeState(fold.state())).probes.form, fold.state().probes.form, 'the store keeps it')
  t.equal(readState(encodeState(changed(fold.state(), { probes: { form: { form: { name: '?' } } as never } }))).epoch.number, 0)
})
