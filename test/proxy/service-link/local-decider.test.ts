import t from 'tap'
import { bundleOf, snapshotOfBundle } from '../../../src/core/decide/bundle.js'
import { LocalDecider } from '../../../src/proxy/service-link/local-decider.js'
import { build, until } from '../../helper.js'
import { quickPolicy } from '../../quick-policy.js'

t.test('it decides and enrols like the service', async (t) => {
  const { send, snapshotHolder } = await build(t, { DEFAULT_POLICY: quickPolicy({ follow_up_seconds: 60, control_rate: 1 }) })
  await send('PUT', '/v1/contexts/model=m,task=a/pin', { threshold: 0.9, reason: 'test' })
  await send('PUT', '/v1/contexts/model=m,task=b/policy', { mode: 'off' })
  await send('PUT', '/v1/contexts/model=m,task=c/pin', { threshold: 0.9, reason: 'test' })
  await send('PUT', '/v1/contexts/model=m,task=c/policy', { mode: 'shadow' })
  await until('the pin is in force', () => snapshotHolder.snapshot().root.children.get('m')?.children.get('c')?.rule.mode === 'shadow')
  const snapshot = snapshotOfBundle(bundleOf(snapshotHolder.snapshot()))
  const enrolled: unknown[] = []
  const decider = new LocalDecider(() => snapshot, { add: (...draw) => { enrolled.push(draw) } })
  const start = (context: Record<string, string>, group: string | null) =>
    decider.start({ context, statedLevels: Object.keys(context), group, prompt: 'prompt' })
  t.equal(decider.refusal({ model: 'm', task: 'a' }), null)
  t.equal(decider.refusal({ model: 'm', task: 'b' }), 'mode_off')
  const one = start({ model: 'm', task: 'a', unknown: 'x' }, 'group').generation
  t.same(one.context, { model: 'm', task: 'a' }, 'unknown levels are left out')
  t.match(start({ task: 'a', taks: 'a', constructor: 'x' }, 'group'), { knownLevels: ['model', 'task'], unknownLevels: ['taks', 'constructor'] })
  t.equal(decider.nextCheck(one, 0), 32)
  t.equal(decider.decide(one, { tokens: 32, confidence: 1 }), null, 'not before it is drawn')
  decider.draw(one, 32)
  decider.draw(one, 64)
  t.ok(enrolled.length <= 1, 'enrolled once')
  const { body } = await send('POST', '/v1/decisions', { generation_id: one.id, group_id: 'group', tokens: 32, confidence: 0.95, context: one.context })
  t.match(decider.decide(one, { tokens: 32, confidence: 0.95 }), { decision: body.decision, arm: body.arm, threshold: 0.9 })
  const fresh = start({ model: 'new' }, 'other').generation
  decider.draw(fresh, 32)
  t.equal(decider.isLeftAlone(fresh), false, 'it is control')
  t.equal(decider.isLeftAlone({ ...fresh, arm: 'treated' }), true)
  t.equal(decider.isLeftAlone({ ...one, arm: 'treated' }), false, 'a pin is in force')
  t.equal(decider.isLeftAlone({ ...one, context: { model: 'm', task: 'c' }, arm: 'treated' }), true, 'the mode is shadow')
  t.match(enrolled.at(-1), [{ model: 'new' }, null, 1, { generation_id: fresh.id, group_id: 'other' }])
  const ungrouped = start({ model: 'new' }, null).generation
  decider.draw(ungrouped, 32)
  const { prompt: keyed } = start({ model: 'new' }, null).generation
  t.match(keyed, /^[0-9a-f]{32}$/, 'the same prompt has one hash')
  t.same(enrolled.at(-1), [{ model: 'new' }, null, 1, { generation_id: ungrouped.id, prompt_hash: keyed }])
})

t.test('without a bundle no decisions are made', async (t) => {
  const decider = new LocalDecider(() => null, { add: () => { t.fail('nothing is enrolled') } })
  t.equal(decider.refusal({}), 'service_away')
  const one = decider.start({ context: { model: 'm' }, statedLevels: ['task'], group: 'g', prompt: 'p' }).generation
  decider.draw(one, 32)
  t.equal(one.arm, null)
  t.equal(decider.nextCheck(one, 0), Infinity)
  t.equal(decider.isLeftAlone({ ...one, arm: 'treated' }), false)
})
