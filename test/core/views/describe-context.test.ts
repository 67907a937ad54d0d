import t from 'tap'
import { openEpoch } from '../../../src/core/judgement/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/judgement/follow-up-counts.js'
import { describeContext } from '../../../src/core/views/describe-context.js'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { addTrace } from '../../../src/core/certificate/merge-evidence.js'
import { stopsOf } from '../../../src/core/certificate/stops.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { FIRST } from '../learn/memory-fold.js'

const levels = ['model', 'task']
const key = 'model=q,task=gsm8k'
const trace = { tokens: 64, answerTokens: 0, em: 1, steps: [{ tokens: 32, score: 0.95, em: 1 }], isComplete: true } as const

function known (generations: number, changes: object = {}) {
  let evidence = NO_EVIDENCE
  for (let i = 0; i < generations; i++) evidence = addTrace(evidence, trace, stopsOf(trace, 0))
  const state = { ...openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, levels, { time: 1000, name: '1000-1' }), halves: [evidence, NO_EVIDENCE] as const, ...changes }
  return { levels, defaultPolicy: {}, policies: new Map(), pins: new Map(), predictors: new Map(), states: new Map([[key, state]]) }
}

t.test('the status is learning, certified or drifted', async (t) => {
  const status = (generations: number, changes = {}) => describeContext(known(generations, changes), key).status
  t.equal(status(0), 'learning')
  t.equal(status(FIRST), 'certified')
  for (const epoch_cause of ['drift', 'breach']) t.equal(status(0, { epoch_cause }), 'drifted', epoch_cause)
  t.equal(status(FIRST, { epoch_cause: 'drift' }), 'certified', 'certified again after drift')
})

t.test('a pool shows its control share, and its contexts have its status; sums have no share', async (t) => {
  const policies = new Map([['model=q', { certify_at: 'model' }]])
  const stateOf = (generations: number, changes = {}) => known(generations, changes).states.get(key)!
  const pooled = (changes = {}) => {
    const pool = stateOf(FIRST, { control_share: 0.5, ...changes })
    return { ...known(0), policies, states: new Map([['*', stateOf(0)], ['model=q', pool], [key, stateOf(0)]]) }
  }
  t.match(describeContext(pooled(), '*'), { control_share: null, status: 'learning' })
  t.match(describeContext(pooled(), 'model=q'), { control_share: 0.5, status: 'certified' })
  t.match(describeContext(pooled(), key), { control_share: 0.5, status: 'certified', scope: 'pool' })
  t.match(describeContext(pooled({ halves: [NO_EVIDENCE, NO_EVIDENCE], epoch_cause: 'drift' }), key), { control_share: 1, status: 'drifted' })
})

t.test('the distance of the next certificate', async (t) => {
  const next = (generations: number, changes = {}) => describeContext(known(generations, changes), key).generations_to_next_certificate
  t.equal(next(0), FIRST, 'lossless generations to the first certificate at 2 % and level 0.05 (vectors/certificate-2.json)')
  t.equal(next(FIRST - 1), 1)
  t.equal(next(FIRST), null, 'every threshold is certified')
  t.ok(next(FIRST, { open: { evidence: NO_EVIDENCE, unaccounted: 2 } })! > 50, 'units that are not accounted for count as lost')
})

t.test('the evidence for the threshold in force is shown at its best and now, with the bar that certified it', async (t) => {
  const evidence = (changes = {}) => describeContext(known(FIRST, changes), key).evidence
  t.equal(evidence(), null)
  t.strictSame(evidence({ log_evidence: { best: 5, now: 2 } }), { best: 5, now: 2, bar: Math.log(20), holds_now: false })
  t.match(evidence({ log_evidence: { best: 5, now: 3 } }), { holds_now: true })
})

t.test('the follow-up of enrolled generations is shown with its ratios', async (t) => {
  const follow_up = { ...NO_FOLLOW_UP, enrolled: 12, accounted: 6, missing: 2, cancelled: 2 }
  t.match(describeContext(known(0, { follow_up, open: { evidence: NO_EVIDENCE, unaccounted: 2 }, open_enrolments: 5 }), key), {
    follow_up, follow_up_ratio: 0.75, cancelled_ratio: 0.2, unaccounted: 2, open_enrolments: 5,
  })
})
