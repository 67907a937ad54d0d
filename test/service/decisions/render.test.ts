import fc from 'fast-check'
import t from 'tap'
import { decide, decideStep, type Freshness } from '../../../src/core/decide/decide.js'
import { renderDecision } from '../../../src/service/decisions/render.js'
import { ruleReply } from '../../../src/service/decisions/rule-reply.js'
import { snapshots, stepWith } from '../../core/decide/random-steps.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'
import { holds } from '../../property.js'

t.test('the text equals that of JSON.stringify', async (t) => {
  holds(t, fc.property(snapshots, fc.constantFrom<Freshness>('fresh', 'stale'), stepWith(null), (snapshot, freshness, step) => {
    const { decision, rule } = decideStep(snapshot, freshness, step)
    const first = { ...decision, rule: ruleReply(rule) }
    return renderDecision(decision) === JSON.stringify(decision) && renderDecision(first) === JSON.stringify(first)
  }), 1000)
  const decision = decide(snapshotOf({}), 'fresh', { tokens: 1, confidence: -0, context: { model: 'a"\\\n' } })
  t.equal(renderDecision(decision), JSON.stringify(decision))
})
