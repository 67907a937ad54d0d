import t from 'tap'
import { scopedId } from '../../src/access/scoped-id.js'
import { decide, type Step } from '../../src/core/decide/decide.js'
import { logStep } from '../../src/decisions/log-step.js'
import type { TakenDecision } from '../../src/decision-log/log-buffer.js'
import { snapshotOf } from '../core/decide/snapshot-of.js'

const snapshot = snapshotOf({ 'model=q,task=x': { index: 3 } })
const caller = { tokenName: 'tenant', tokenPrefix: 'model=q' }

function logged (step: Step): TakenDecision[] {
  const taken: TakenDecision[] = []
  logStep({ takes: (id) => id !== 'passed over', decided: (one) => { taken.push(one) } }, step, decide(snapshot, 'fresh', step), { isEnrolled: true, caller })
  return taken
}

t.test('a decision is logged under the id of its tenant, with what was asked and answered', async (t) => {
  const step = { generation_id: 'g', arm: 'control', tokens: 40, confidence: 1.0000005, context: { model: 'q', task: 'x' }, em: 1, answer: 'a' } as const
  t.strictSame(logged(step), [{
    id: scopedId(caller, 'g'),
    context: step.context,
    source: 'model=q,task=x',
    arm: 'control',
    tokens: 40,
    confidence: 1,
    score: 1,
    scorer: 'confidence',
    threshold: decide(snapshot, 'fresh', step).threshold,
    reason: 'control_arm',
    version: snapshot.version,
    isEnrolled: true,
    em: 1,
    answer: 'a',
  }])
})

t.test('a step without an id, or of a generation that is not taken, is not logged', async (t) => {
  t.strictSame(logged({ tokens: 40, confidence: 1 }), [])
  t.strictSame(logged({ generation_id: 'passed over', tokens: 40, confidence: 1 }), [])
})
