import t from 'tap'
import { meaningOf, sameMeaning, type Meaning } from '../../../src/core/judgement/meaning.js'
import { policyWith } from '../learn/memory-fold.js'

const levels = ['model', 'task']

t.test('evidence means the same only under the same score, label, min_tokens, cadence and levels', async (t) => {
  const meaning = meaningOf(policyWith(), levels)
  t.strictSame(meaning, { score: 'confidence', label: 'exact_match', missing_labels: 'lost', missing_outcomes: 'lost', is_enrolled: false, min_tokens: 0, check_every_tokens: 32, check_growth: 0, levels: 'model,task' })
  t.ok(sameMeaning(meaning, meaningOf(policyWith({ max_em_drop: 0.1, error_level: 0.1, mode: 'off', evidence_window: 5000 }), levels)))
  const others: { [F in keyof Meaning]: unknown } = { score: 'predictor', label: 'agreement', missing_labels: 'excluded', missing_outcomes: 'excluded', is_enrolled: true, min_tokens: 1, check_every_tokens: 33, check_growth: 0.1, levels: 'task,model' }
  for (const [field, value] of Object.entries(others)) t.notOk(sameMeaning(meaning, { ...meaning, [field]: value } as Meaning), field)
  t.notOk(sameMeaning(meaning, meaningOf(policyWith(), ['task', 'model'])), 'the order of the levels is part of it')
})
