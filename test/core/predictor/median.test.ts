import t from 'tap'
import { median } from '../../../src/core/predictor/median.js'

t.test('the median is the middle value, or the mean of the middle two', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([3, 1, 2, 10]), 2.5)
})
