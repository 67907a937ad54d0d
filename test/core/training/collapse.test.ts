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
  t.equal(collapse(after(0.691, 0.005), 0.02), null, 'less than it allows, and just measurable')
  t.equal(collapse(after(0.7).slice(0, 7), 0.02), null, 'one checkpoint may be a slip')
  t.equal(collapse([], 0.02), null)
})

t.test('few questions that would show no fall are no good news', async (t) => {
  t.equal(collapse(after(0.7, 0.05), 0.02), null, '100 questions: a fall of 4 points is within the noise')
  t.match(collapse(after(0.7, 0.05), 0.05), { verdict: 'tokens_collapsed' }, 'but not one of 10')
  t.match(collapse(after(0.5, 0.05), 0.02), { verdict: 'length_hacking' }, 'what they do show counts')
})

t.test('EM is held against where it stood when the tokens began to fall, not against what it had won since long before', async (t) => {
  const before = (i: number, most: number) => ({ em: 0.5 + 0.01 * i, tokens: i < 3 ? most : 990 })
  const rising = (em: number, most = 1000) => readings(16, (i) => i < 14 ? before(i, most) : { em, tokens: 500 })
  t.match(collapse(rising(0.55), 0.02), { verdict: 'length_hacking', figures: { em_before: 0.62, before_step: 1200 } })
  t.match(collapse(rising(0.55, 1300), 0.02), { verdict: 'tokens_collapsed' }, 'tokens began to fall when EM was there')
  t.match(collapse(rising(0.63), 0.02), { verdict: 'tokens_collapsed' })
  const third = readings(8, (i) => i < 5 ? {} : { tokens: 500, em: 0.6 })
  t.match(collapse(third, 0.02), { figures: { em_before: 0.7, before_step: 300 } }, 'nor against a checkpoint that had fallen already')
})
