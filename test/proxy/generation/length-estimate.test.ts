import t from 'tap'
import { LengthEstimate } from '../../../src/proxy/generation/length-estimate.js'

t.test('what a stop saved is the mean of what longer ones took beyond it', async (t) => {
  const lengths = new LengthEstimate()
  const context = { model: 'm' }
  t.equal(lengths.saved(context, 10), null)
  for (const length of [5, 30, 50]) lengths.add(context, length)
  t.equal(lengths.saved(context, 10), 30)
  t.equal(lengths.saved({ model: 'n' }, 10), null)
})
