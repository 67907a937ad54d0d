import t from 'tap'
import { askedAt } from '../../../src/core/recording/asked-at.js'

const columns = { context: [0, 0], tokens: [32, 64], confidence: [0.5, null], contexts: [{}] }

t.test('a row without an answer or signals is recorded by its tokens and confidence alone', async (t) => {
  t.strictSame(askedAt(columns, 1), { tokens: 64, confidence: null })
})

t.test('a row\'s answer, em and signals are recorded with it', async (t) => {
  const full = { ...columns, em: [1, null] as Array<0 | 1 | null>, answer: [null, '42'], signals: { entropy: [0.25, null] } }
  t.strictSame(askedAt(full, 0), { tokens: 32, confidence: 0.5, em: 1, signals: { entropy: 0.25 } })
  t.match(askedAt(full, 1), { tokens: 64, confidence: null, answer: '42' })
})
