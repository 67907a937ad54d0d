import t from 'tap'
import { fitInThread } from '../../../src/service/learner/predictor-trainer.js'

t.test('with too few samples the thread answers null and ends', async (t) => {
  const fit = { samples: [], name: 'p', label: 'exact_match', levels: 'model,task', terms: {} } as const
  t.equal(await fitInThread(fit, new AbortController().signal), null)
})

t.test('samples that cannot be fitted give an error', async (t) => {
  await t.rejects(fitInThread({ samples: null as never, name: 'p', label: 'exact_match', levels: '', terms: {} }, new AbortController().signal))
})
