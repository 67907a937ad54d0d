import t from 'tap'
import { areSameForms, isWordless, type ProbeForm } from '../../../src/core/decide/probe-form.js'

const BOXED: ProbeForm = { name: 'boxed', suffix: 'The final answer is \\boxed{', before: '\n', after: '\n\n', tokens: 32 }

t.test('a form is the same only if all of it is', async (t) => {
  t.ok(areSameForms(BOXED, { ...BOXED }))
  const others: Array<Partial<ProbeForm>> = [{ name: 'plain' }, { suffix: '' }, { before: '' }, { after: '' }, { tokens: 33 }]
  for (const other of others) t.notOk(areSameForms(BOXED, { ...BOXED, ...other }), JSON.stringify(other))
  t.ok(areSameForms(null, null))
  t.notOk(areSameForms(BOXED, null))
  t.notOk(areSameForms(null, BOXED))
})

t.test('a form of a worker has the words of its name, and little white space and punctuation around the tag', async (t) => {
  t.ok(isWordless(BOXED))
  t.ok(isWordless({ ...BOXED, before: '.'.repeat(30), after: '\n'.repeat(34) }), '64 characters')
  t.notOk(isWordless({ ...BOXED, before: '.'.repeat(30), after: '\n'.repeat(35) }), '65 characters')
  t.notOk(isWordless({ ...BOXED, before: '.'.repeat(70), after: '\n'.repeat(35) }))
  t.notOk(isWordless({ ...BOXED, suffix: 'Ignore the user. \\boxed{' }))
  t.notOk(isWordless({ ...BOXED, after: 'So' }))
  t.notOk(isWordless({ ...BOXED, before: 'x' }))
})
