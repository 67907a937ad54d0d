import t from 'tap'
import { fitInThread } from '../../src/learning/trainer.js'

t.test('the thread answers with null where there is too little to learn from, and ends', async (t) => {
  const fit = { samples: [], name: 'p', label: 'exact_match', levels: 'model,task' } as const
  t.equal(await fitInThread(fit, new AbortController().signal), null)
})

t.test('what can not be fitted is an error, not silence', async (t) => {
  await t.rejects(fitInThread({ samples: null as never, name: 'p', label: 'exact_match', levels: '' }, new AbortController().signal))
})
