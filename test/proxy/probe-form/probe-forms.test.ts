import t from 'tap'
import { PROBE_FORM_NAMES, type ProbeForm, type ProbeFormFinding } from '../../../src/core/decide/probe-form.js'
import type { EndTrial } from '../../../src/proxy/probe-form/end-trial.js'
import { ProbeForms, TRIED_GENERATIONS } from '../../../src/proxy/probe-form/probe-forms.js'

const CONTEXT = { model: 'm' }
const FORM: ProbeForm = { name: 'plain', suffix: 'Final answer:', before: '\n', after: '', tokens: 8 }

function forms (stated: ProbeForm | null = null) {
  const rule: { form?: ProbeForm | null | undefined } = {}
  const sent: ProbeFormFinding[] = []
  const clock = { now: 0 }
  const probeForms = new ProbeForms({
    stated,
    inForce: () => ({ key: 'model=m', ...rule }),
    report: async (_context, finding) => { sent.push(finding) },
    maxTokens: 64,
    now: () => clock.now,
  })
  return { probeForms, rule, sent, clock }
}

/** In which `direct` gives the model's own answer, or no form does. */
const trialOf = (fits: boolean): EndTrial => ({
  before: '',
  after: '',
  forms: PROBE_FORM_NAMES.map((name) => ({ name, isEqual: fits && name === 'direct', isRepeated: true, tokens: 2, answerTokens: 1, wholeTokens: 2 })),
})

function tryAll ({ probeForms }: ReturnType<typeof forms>, fits: boolean): ProbeFormFinding | null {
  let found: ProbeFormFinding | null = null
  for (let i = 0; i < TRIED_GENERATIONS; i++) {
    t.ok(probeForms.claims(CONTEXT), `generation ${i} is tried`)
    found = probeForms.tried(CONTEXT, trialOf(fits))
  }
  return found
}

t.test('nothing is probed until a form is found over twenty generations, and is in force', async (t) => {
  const all = forms()
  const { probeForms, rule, sent } = all
  t.equal(probeForms.formFor(CONTEXT), null)
  t.match(tryAll(all, true), { form: { name: 'direct', tokens: 1 }, generations: 20 })
  t.equal(sent.length, 1)
  t.equal(probeForms.formFor(CONTEXT), null, 'another proxy may have been faster')
  t.notOk(probeForms.claims(CONTEXT))
  rule.form = FORM
  t.same(probeForms.formFor(CONTEXT), FORM, 'all proxies force answers in the same way')
  t.notOk(probeForms.claims(CONTEXT))
})

t.test('a form that does not come into force is sent again', async (t) => {
  const all = forms()
  tryAll(all, true)
  all.clock.now = 4000
  all.probeForms.claims(CONTEXT)
  t.equal(all.sent.length, 1)
  all.clock.now = 6000
  all.probeForms.claims(CONTEXT)
  t.equal(all.sent.length, 2)
})

t.test('without a form that fits it is tried again after 500 generations', async (t) => {
  const all = forms()
  const { probeForms, rule, sent } = all
  t.match(tryAll(all, false), { form: null })
  rule.form = null
  for (let i = 0; i < 500; i++) {
    t.equal(probeForms.formFor(CONTEXT), null)
    t.notOk(probeForms.claims(CONTEXT))
  }
  t.match(tryAll(all, true), { form: { name: 'direct' } })
  t.equal(sent.length, 2)
})

t.test('after a reset a form is searched for again', async (t) => {
  const all = forms()
  tryAll(all, true)
  all.rule.form = FORM
  all.probeForms.formFor(CONTEXT)
  all.rule.form = undefined
  t.ok(tryAll(all, true))
})

t.test('a failed trial is made up for, and no more are under way than may be needed', async (t) => {
  const { probeForms } = forms()
  for (let i = 0; i < TRIED_GENERATIONS + 4; i++) t.ok(probeForms.claims(CONTEXT))
  t.notOk(probeForms.claims(CONTEXT))
  probeForms.failed(CONTEXT)
  t.ok(probeForms.claims(CONTEXT))
})

t.test('a trial that ends after the search is not kept for the next one', async (t) => {
  const all = forms()
  for (let i = 0; i < 4; i++) t.ok(all.probeForms.claims(CONTEXT))
  tryAll(all, true)
  for (let i = 0; i < 2; i++) t.equal(all.probeForms.tried(CONTEXT, trialOf(false)), null)
  all.rule.form = FORM
  all.probeForms.formFor(CONTEXT)
  for (let i = 0; i < 2; i++) t.equal(all.probeForms.tried(CONTEXT, trialOf(false)), null)
  all.rule.form = undefined
  t.match(tryAll(all, true), { form: { name: 'direct' }, tried: Array(PROBE_FORM_NAMES.length - 1).fill({ agreement: 0 }) })
})

t.test('a stated form is used at once and reported; it objects to another one once, and then follows', async (t) => {
  const { probeForms, rule, sent } = forms(FORM)
  t.same(probeForms.formFor(CONTEXT), FORM)
  t.match(sent, [{ form: FORM, is_stated: true }])
  t.notOk(probeForms.claims(CONTEXT))
  rule.form = FORM
  probeForms.formFor(CONTEXT)
  t.equal(sent.length, 1)
  const other = rule.form = { ...FORM, tokens: 3 }
  t.same(probeForms.formFor(CONTEXT), other, 'all proxies force answers in the same way')
  probeForms.formFor(CONTEXT)
  t.match(sent.slice(1), [{ form: FORM, is_stated: true }])
})

t.test('one control generation in twenty is asked at its end', async (t) => {
  const { probeForms } = forms()
  t.equal(Array.from({ length: 200 }, () => probeForms.asksAtEnd(CONTEXT)).filter(Boolean).length, 10)
})
