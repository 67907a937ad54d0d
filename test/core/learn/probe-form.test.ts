import t from 'tap'
import { addEndProbe, isValidityLow, type ProbeFormState, probeValidity, replacesForm } from '../../../src/core/learn/probe-form.js'
import type { ProbeForm } from '../../../src/core/decide/probe-form.js'

const FORM: ProbeForm = { name: 'direct', suffix: '', before: '', after: '', tokens: 1 }
const STATE: ProbeFormState = { form: FORM, is_stated: false, generations: 20, tried: [], at: 0, asked: 0, equal: 0 }

t.test('validity is the share of equal answers, which follows a changed model', async (t) => {
  t.equal(probeValidity(STATE), null)
  let state = STATE
  for (let i = 0; i < 3; i++) state = addEndProbe(state, i > 0)
  t.equal(probeValidity(state), 2 / 3)
  for (let i = 0; i < 5000; i++) state = addEndProbe(state, true)
  for (let i = 0; i < 128; i++) state = addEndProbe(state, false)
  t.ok(probeValidity(state)! < 0.5, 'old answers weigh less')
})

t.test('validity is low below four fifths of how often the model agrees with itself, once twenty were asked', async (t) => {
  const low = { ...STATE, asked: 20, equal: 15 }
  t.ok(isValidityLow(low))
  t.notOk(isValidityLow({ ...low, equal: 16 }))
  t.notOk(isValidityLow({ ...low, asked: 19, equal: 10 }))
  t.notOk(isValidityLow({ ...low, tried: [{ name: 'direct', agreement: 0.9, self_agreement: 0.9, tokens: 1 }] }), 'answers vary')
})

t.test('only a stated form replaces another one', async (t) => {
  const finding = { form: { ...FORM, tokens: 2 }, is_stated: false, generations: 20, tried: [] }
  t.ok(replacesForm(null, finding))
  t.ok(replacesForm({ ...STATE, form: null }, finding))
  t.notOk(replacesForm(STATE, finding))
  t.ok(replacesForm(STATE, { ...finding, is_stated: true }))
  t.notOk(replacesForm(STATE, { ...finding, is_stated: true, form: FORM }))
  t.notOk(replacesForm(STATE, { ...finding, is_stated: true, form: null }))
})
