import t from 'tap'
import { scopedId } from '../../../src/service/access/context-access.js'
import type { DecisionEvent, LabelEvent, OutcomeEvent } from '../../../src/service/decision-log/logged-event.js'
import { generationOf, readGeneration } from '../../../src/service/decision-log/read-generation.js'
import { KEY } from '../../certify.js'
import { build } from '../../helper.js'

const decision: DecisionEvent = {
  event: 'decision',
  at: 10,
  context: KEY,
  threshold_context: 'model=q',
  arm: 'control',
  tokens: 32,
  confidence: 0.5,
  score: 0.5,
  scorer: 'confidence',
  threshold: 0.75,
  reason: 'below_threshold',
  snapshot_version: 7,
}
const outcome: OutcomeEvent = { event: 'outcome', at: 30, context: KEY, arm: 'control', tokens: 64, stopped: false, cancelled: false, em: null, answer_digest: 'd1' }
const label: LabelEvent = { event: 'label', at: 40 }

t.test('steps are in the order of time, whichever replica logged them', async (t) => {
  const later: DecisionEvent = { ...decision, at: 20, tokens: 64, reason: 'control_arm', enrolled: true }
  const shown = { scorer: 'confidence', threshold: 0.75, threshold_context: 'model=q', snapshot_version: 7, confidence: 0.5, score: 0.5, action: 'continue' } as const
  t.strictSame(generationOf('g', [later, null, decision]), {
    generation_id: 'g',
    context: KEY,
    arm: 'control',
    enrolled: true,
    steps: [
      { at: '1970-01-01T00:00:00.010Z', tokens: 32, reason: 'below_threshold', would_stop: false, ...shown },
      { at: '1970-01-01T00:00:00.020Z', tokens: 64, reason: 'control_arm', would_stop: true, ...shown },
    ],
  })
  t.match(generationOf('g', [{ ...decision, arm: 'treated', reason: 'score_at_threshold' }]), { arm: 'treated', steps: [{ action: 'stop', would_stop: true }] })
})

t.test('an outcome is right or wrong by itself, by the label that came later, or unknown', async (t) => {
  const emBy = (...more: Array<LabelEvent | OutcomeEvent>) => generationOf('g', [decision, outcome, ...more])!.outcome!.em
  t.equal(emBy(), null)
  t.equal(emBy({ ...label, em: 0 }), 0)
  t.equal(emBy({ ...label, reference_digests: ['d0', 'd1'] }), 1)
  t.equal(emBy({ ...label, reference_digests: ['d1'], answer_digest: 'd3' }), 0)
  t.equal(emBy({ ...outcome, em: 1 }, { ...label, em: 0 }), 1)
})

t.test('an outcome alone is shown, and a label alone is not', async (t) => {
  t.strictSame(generationOf('g', [{ ...outcome, arm: null }]), {
    generation_id: 'g',
    context: KEY,
    arm: null,
    enrolled: false,
    steps: [],
    outcome: { at: '1970-01-01T00:00:00.030Z', tokens: 64, stopped: false, cancelled: false, em: null, answer_digest: 'd1' },
  })
  t.equal(generationOf('g', [label, null]), null)
})

t.test('a caller finds only generations that callers of its scope reported', async (t) => {
  const { store, decisionLog } = await build(t)
  const services = { store, decisionLog }
  const tenant = { tokenName: 'tenant', tokenPrefix: 'model=q' }
  const operator = { tokenName: 'ops', tokenPrefix: null }
  await store.events.append({ ids: [scopedId(tenant, 'g')], starts: [0, 1], texts: [JSON.stringify(decision)] })
  t.match(await readGeneration(services, 'g', undefined, tenant), { generation_id: 'g', context: KEY })
  t.match(await readGeneration(services, 'g', 'model=q', operator), { generation_id: 'g' })
  await t.rejects(readGeneration(services, 'g', undefined, operator), { code: 'GENERATION_NOT_FOUND' })
  await t.rejects(readGeneration(services, 'g', '*', tenant), { code: 'FORBIDDEN' })
})
