import t from 'tap'
import { AnswerSignals } from '../../../src/proxy/generation/answer-signals.js'

t.test('signals follow the answers so far', async (t) => {
  const signals = new AnswerSignals()
  t.same(signals.add('a', 0.5), { answer_streak: 1, confidence_delta: 0, confidence_max: 0.5, vote_share: 1 })
  t.same(signals.add('b', 0.75), { answer_streak: 1, confidence_delta: 0.25, confidence_max: 0.75, vote_share: 0.5 })
  t.same(signals.add('b', 0.5), { answer_streak: 2, confidence_delta: -0.25, confidence_max: 0.75, vote_share: 2 / 3 })
})
