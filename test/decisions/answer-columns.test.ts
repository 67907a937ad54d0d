import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { answerColumns } from '../../src/decisions/answer-columns.js'
import { CONTEXT } from '../certify.js'
import { build } from '../helper.js'

t.test('rows are decided, counted by reason and recorded; invalid rows are only listed', async (t) => {
  const services = await build(t)
  const answer = answerColumns(services, {
    contexts: [CONTEXT, { colour: 'red' }],
    context: [0, 0, 1, 0],
    tokens: [32, 32, 32, 32],
    confidence: [0.5, null, 0.5, 0.5],
    generation_ids: ['a', 'b', 'c', null],
    arms: ['control', 'treated', 'control', 'control'],
  }, ANYBODY)
  t.match(answer, { stop: [], control: [0, 3], errors: [{ index: 2, path: '/contexts/1/colour' }], contexts: [{ threshold: null }, null] })
  await services.recorder.flush()
  t.same([...(await services.store.stepRecords.read(['a', 'b', 'c'])).keys()], ['a'])
  const text = await services.metrics.render()
  t.match(text, 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 3\n')
})
