import t from 'tap'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { openEpoch } from '../../../src/core/judgement/context-state.js'
import { requestGuarantee } from '../../../src/core/judgement/request-guarantee.js'
import { policyWith } from '../learn/memory-fold.js'

const opened = openEpoch(undefined, 'first_enrolment', policyWith(), ['model', 'task'], { time: 0, name: '0-1' })
const other = policyWith({ max_em_drop: 0.05 })

t.test('a request replaces the first one only before anything was reported', async (t) => {
  t.match(requestGuarantee(opened, other).requested, { max_em_drop: 0.05 })
  for (const fate of ['reported', 'accounted', 'missing', 'excluded']) {
    const state = { ...opened, follow_up: { ...opened.follow_up, [fate]: 1 } }
    t.match(requestGuarantee(state, other).requested, { max_em_drop: 0.02 }, fate)
  }
  t.match(requestGuarantee({ ...opened, open: { evidence: NO_EVIDENCE, unaccounted: 1 } }, other).requested, { max_em_drop: 0.02 })
})
