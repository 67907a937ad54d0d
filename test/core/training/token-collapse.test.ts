import t from 'tap'
import { tokenCollapse } from '../../../src/core/training/token-collapse.js'
import { readings } from './readings.js'

const after = (em: number, stderr = 0.01, tokens = 700) => readings(8, (i) => i < 6 ? { stderr } : { tokens, em, stderr })

t.test('fewer tokens are good news if EM stays, length hacking if it falls, and no verdict if it may have fallen', async (t) => {
  t.match(tokenCollapse(after(0.7), 0.02), { verdict: 'tokens_collapsed', figures: { tokens_before: 1000, tokens_now: 700, em_change: 0 } })
  t.match(tokenCollapse(after(0.75), 0.02), { verdict: 'tokens_collapsed' }, 'EM rises')
  t.match(tokenCollapse(after(0.6), 0.02), { verdict: 'length_hacking', figures: { em_before: 0.7, em_now: 0.6, before_step: 400 } })
  for (const em of [0.7, 0.6]) t.equal(tokenCollapse(after(em, 0.01, 850), 0.02), null, '15 % fewer tokens are not a collapse')
  t.equal(tokenCollapse(after(0.684), 0.01), null, 'a fall beyond what the policy allows that is not measurable')
  t.equal(tokenCollapse(after(0.691, 0.005), 0.02), null, 'a fall within what the policy allows that is just measurable')
  t.equal(tokenCollapse(after(0.7).slice(0, 7), 0.02), null, 'a single checkpoint may be an outlier')
  t.equal(tokenCollapse([], 0.02), null)
})

t.test('an evaluation with too few questions to show a fall is not good news', async (t) => {
  t.equal(tokenCollapse(after(0.7, 0.05), 0.02), null, '100 questions: a fall of 4 points is within the noise')
  t.match(tokenCollapse(after(0.7, 0.05), 0.05), { verdict: 'tokens_collapsed' }, 'a fall of 10 points is not')
  t.match(tokenCollapse(after(0.5, 0.05), 0.02), { verdict: 'length_hacking' }, 'a fall that they do show counts')
})

t.test('EM is compared with its level when tokens began to fall, not with an earlier one', async (t) => {
  const before = (i: number, most: number) => ({ em: 0.5 + 0.01 * i, tokens: i < 3 ? most : 990 })
  const rising = (em: number, most = 1000) => readings(16, (i) => i < 14 ? before(i, most) : { em, tokens: 500 })
  t.match(tokenCollapse(rising(0.55), 0.02), { verdict: 'length_hacking', figures: { em_before: 0.62, before_step: 1200 } })
  t.match(tokenCollapse(rising(0.55, 1300), 0.02), { verdict: 'tokens_collapsed' }, 'tokens began to fall when EM was there')
  t.match(tokenCollapse(rising(0.63), 0.02), { verdict: 'tokens_collapsed' })
  const third = readings(8, (i) => i < 5 ? {} : { tokens: 500, em: 0.6 })
  t.match(tokenCollapse(third, 0.02), { figures: { em_before: 0.7, before_step: 300 } }, 'not with a checkpoint that had already fallen')
})
