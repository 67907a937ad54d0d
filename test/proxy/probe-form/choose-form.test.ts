import t from 'tap'
import { PROBE_FORM_NAMES, type ProbeFormName } from '../../../src/core/decide/probe-form.js'
import { chooseForm } from '../../../src/proxy/probe-form/choose-form.js'
import type { EndTrial, FormTrial } from '../../../src/proxy/probe-form/end-trial.js'

const form = (name: ProbeFormName, rest: Partial<FormTrial> = {}): FormTrial =>
  ({ name, isEqual: false, isRepeated: true, tokens: 8, answerTokens: 3, wholeTokens: 4, ...rest })

/** @param forms those that differ from one that disagrees */
const trial = (forms: Partial<Record<ProbeFormName, Partial<FormTrial>>>, before = '\n', after = '\n\n'): EndTrial =>
  ({ before, after, forms: PROBE_FORM_NAMES.map((name) => form(name, forms[name])) })

const twenty = (of: (i: number) => EndTrial) => Array.from({ length: 20 }, (_, i) => of(i))

t.test('the form that agrees most is chosen, with the text that the model mostly writes around its tag', async (t) => {
  const found = chooseForm(twenty((i) => trial({ boxed: { isEqual: true }, plain: { isEqual: i > 0 } }, i % 5 === 0 ? '' : '\n')), 64)
  t.match(found, { is_stated: false, generations: 20, form: { name: 'boxed', suffix: 'The final answer is \\boxed{', before: '\n', after: '\n\n', tokens: 4 } })
  t.match(found.tried.find(({ name }) => name === 'plain'), { agreement: 0.95, self_agreement: 1, tokens: 4 })
})

t.test('of forms that agree equally the one with the fewest tokens is chosen', async (t) => {
  t.match(chooseForm(twenty(() => trial({ boxed: { isEqual: true }, direct: { isEqual: true, wholeTokens: 12 } })), 64).form, { name: 'boxed' })
  t.match(chooseForm(twenty(() => trial({ boxed: { isEqual: true }, direct: { isEqual: true, wholeTokens: 2 } })), 64).form, { name: 'direct' })
})

t.test('without a form that agrees in nine of ten there is none', async (t) => {
  t.match(chooseForm(twenty((i) => trial({ direct: { isEqual: i > 2 } })), 64), { form: null, generations: 20 })
  t.match(chooseForm(twenty((i) => trial({ direct: { isEqual: i > 1 } })), 64), { form: { name: 'direct' } })
})

t.test('where answers vary, the yardstick is how often the model agrees with itself', async (t) => {
  const varying = { direct: { isEqual: false, isRepeated: false }, boxed: { isEqual: true } }
  const found = chooseForm(twenty((i) => trial({ ...varying, boxed: { isEqual: i < 14, isRepeated: i < 15 } })), 64)
  t.match(found.form, { name: 'boxed' }, 'a form that agrees as rarely as the model itself does is no better')
  t.equal(chooseForm(twenty((i) => trial({ boxed: { isEqual: i < 9, isRepeated: i < 9 } })), 64).form, null)
})

t.test('answers get the tokens that they need, and room where lengths vary', async (t) => {
  const tokens = (name: ProbeFormName, of: (i: number) => Partial<FormTrial>, most = 64) =>
    chooseForm(twenty((i) => trial({ [name]: { isEqual: true, ...of(i) } })), most).form!.tokens
  t.equal(tokens('direct', () => ({ answerTokens: 1, wholeTokens: 2 })), 1, 'the end of the sequence says nothing where all answers have one length')
  t.equal(tokens('direct', (i) => ({ answerTokens: 1 + i % 3, wholeTokens: 2 + i % 3 })), 6)
  t.equal(tokens('boxed', () => ({ answerTokens: 3, wholeTokens: 4 })), 4, 'the closing brace says that the answer has ended')
  t.equal(tokens('boxed', (i) => ({ wholeTokens: i === 0 ? 3 : 9 })), 15)
  t.equal(tokens('boxed', (i) => ({ wholeTokens: i === 0 ? 3 : 9 }), 10), 10)
})
