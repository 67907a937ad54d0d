import t from 'tap'
import { temporaryFolder } from '../../test/helper.js'
import { startProcess } from '../../test/service-process.js'
import { lacksTransformers, playTransformers } from './play-transformers.js'

const POLICY = JSON.stringify({ follow_up_seconds: 60, evidence_span_seconds: 0 })
const skip = await lacksTransformers() ?? false

t.test('the default settings find how a real model wants its answers to be forced', { skip }, async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: POLICY })
  const { tasks, client } = await playTransformers({
    url: await service.url(), model: 'boxed', generations: 160, batch: 40, timeoutSeconds: 60, findsForm: true,
  })
  const all = Object.entries(tasks)
  for (const [task, { generations, control, tokens, full_tokens: full }] of all) {
    const { body } = await service.get(`/v1/contexts/model=reasoner,task=${task}`)
    t.match(body.probe_form, { name: 'boxed', is_stated: false }, task)
    t.match(body, { epoch: 1, follow_up: { left_out: 0 } })
    t.ok(control > 0 && control <= generations - 20, 'generations before it are not enrolled')
    t.equal(tokens, full, 'nothing is certified yet, and greedy generations that are probed are those that are not')
  }
  const enrolled = all.reduce((sum, [, { control }]) => sum + control, 0)
  t.match(client, { reported: enrolled, rejected: 0, dropped: 0 }, 'only those are reported')
})
