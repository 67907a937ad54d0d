import t from 'tap'
import { collapse } from '../../../src/core/training/collapse.js'
import { readings } from './readings.js'

const after = (em: number, stderr = 0.01, tokens = 700) => readings(8, (i) => i < 6 ? { stderr } : { tokens, em, stderr })

t.test('good where EM stays, length hacking where it falls, nothing yet where it may', async (t) => {
  t.match(collapse(after(0.7), 0.02), { verdict: 'tokens_collapsed', figures: { tokens_before: 1000, tokens_now: 700, em_change: 0 } })
  t.match(collapse(after(0.75), 0.02), { verdict: 'tokens_collapsed' }, 'or rises')
  t.match(collapse(after(0.6), 0.02), { verdict: 'length_hacking', figures: { em_before: 0.7, em_now: 0.6, before_step: 400 } })
  for (const em of [0.7, 0.6]) t.equal(collapse(after(em, 0.01, 850), 0.02), null, 'a sixth is no collapse')
  t.equal(collapse(after(0.684), 0.01), null, 'more than the policy allows, and not measurable')
  t.equal(collapse(after(0.7).slice(0, 7), 0.02), null, 'one checkpoint may be a slip')
  t.equal(collapse([], 0.02), null)
})

t.test('few questions that would show no fall are no good news', async (t) => {
  t.equal(collapse(after(0.7, 0.05), 0.02), null, '100 questions: a fall of 4 points is within the noise')
  t.match(collapse(after(0.7, 0.05), 0.05), { verdict: 'tokens_collapsed' }, 'but not one of 10')
  t.match(collapse(after(0.5, 0.05), 0.02), { verdict: 'length_hacking' }, 'what they do show counts')
})
