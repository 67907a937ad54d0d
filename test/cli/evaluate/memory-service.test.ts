import t from 'tap'
import { memoryService } from '../../../src/cli/evaluate/memory-service.js'

const context = { task: 'a' }
const KEY = 'task=a'

t.test('generations are enrolled, learned from in their slices, and stopped at the threshold that they certify', async (t) => {
  const service = memoryService('salt', ['task'], { follow_up_seconds: 160, evidence_span_seconds: 0, check_every_tokens: 16 })
  t.equal(service.rule(context).threshold, null)
  const steps = [{ tokens: 16, confidence: 0.999, em: 1 as const }]
  for (let i = 0; i < 250; i++) {
    const generation_id = `g${i}`
    service.pass(1000)
    const { arm } = service.decide({ generation_id, context, tokens: 0, confidence: null })
    service.report({ generation_id, context, samples: 1, arm, tokens: 100, em: 1, steps_asked: 1, ...(arm === 'control' && { steps }) })
  }
  t.not(service.rule(context).threshold, null)
  t.match(service.state(KEY)?.rule.guarantee, {})
  const { decision } = service.decide({ generation_id: 'last', arm: 'treated', context, tokens: 16, confidence: 0.999 })
  t.equal(decision, 'stop')
})
