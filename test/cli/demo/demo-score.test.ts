import t from 'tap'
import { addScores, NOTHING, savedRatio, trueEmDrop } from '../../../src/cli/demo/demo-score.js'

const score = { generations: 2, control: 1, treated: 1, fullTokens: 200, tokens: 150, lost: 0.04 }

t.test('scores add up', async (t) => {
  t.strictSame(addScores(score, NOTHING), score)
  t.strictSame(addScores(score, score), { generations: 4, control: 2, treated: 2, fullTokens: 400, tokens: 300, lost: 0.08 })
})

t.test('savings are of all tokens, and the EM drop is that of the treated', async (t) => {
  t.equal(savedRatio(score), 0.25)
  t.equal(trueEmDrop(score), 0.04)
  t.same([savedRatio(NOTHING), trueEmDrop(NOTHING)], [0, 0])
})
