import t from 'tap'
import { compareEm, compareTokens, NO_ARMS } from '../../../src/core/certificate/compare-arms.js'
import { describeArms } from '../../../src/core/views/describe-arms.js'

t.test('arms are described by their means, and by null without data', async (t) => {
  const nothing = { generations: 0, labelled: 0, em: null, tokens_mean: null }
  t.strictSame(describeArms(NO_ARMS, 0.05), { control: nothing, treated: nothing, em_difference: null, tokens_difference: null })
  let arms = NO_ARMS
  for (const em of [1, 1, 0, 1]) arms = compareEm(compareTokens(arms, 'treated', 0.1, 100 + em), 'treated', 0.1, em)
  t.strictSame(describeArms(arms, 0.05).treated, { generations: 4, labelled: 4, em: 0.75, tokens_mean: 100.75 })
})
