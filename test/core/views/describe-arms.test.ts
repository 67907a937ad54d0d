import t from 'tap'
import { addCompared, NO_ARM_SUMS } from '../../../src/core/certificate/arm-sums.js'
import { compareSums, NO_ARMS } from '../../../src/core/certificate/compare-arms.js'
import { describeArms } from '../../../src/core/views/describe-arms.js'

t.test('arms are described by their means, and by null without data', async (t) => {
  const nothing = { generations: 0, labelled: 0, em: null, tokens_mean: null }
  t.strictSame(describeArms(NO_ARMS, 0.05, 0.02), {
    control: nothing, treated: nothing, em_difference: null, tokens_difference: null, breach_suspected: false, breached: false,
  })
  let sums = NO_ARM_SUMS
  for (const em of [1, 1, 0, 1]) sums = addCompared(sums, { arm: 'treated', share: 0.1, em, tokens: 100 + em })
  const arms = compareSums(NO_ARMS, sums)
  t.strictSame(describeArms(arms, 0.05, 0.02).treated, { generations: 4, labelled: 4, em: 0.75, tokens_mean: 100.75 })
})

t.test('real stops that lose more than is tolerated show as a suspicion, then as a breach', async (t) => {
  const lossy = (pairs: number) => {
    let sums = NO_ARM_SUMS
    for (let i = 0; i < pairs; i++) {
      sums = addCompared(sums, { arm: 'control', share: 0.5, em: i % 10 === 0 ? 0 : 1, tokens: 100 })
      sums = addCompared(sums, { arm: 'treated', share: 0.5, em: i % 5 === 0 ? 0 : 1, tokens: 60 })
    }
    const { breach_suspected: suspected, breached } = describeArms(compareSums(NO_ARMS, sums), 0.05, 0.02)
    return { suspected, breached }
  }
  t.strictSame(lossy(40), { suspected: false, breached: false })
  t.strictSame(lossy(400), { suspected: true, breached: false })
  t.strictSame(lossy(4000), { suspected: true, breached: true })
})
