import t from 'tap'
import { addCompared, NO_ARM_SUMS } from '../../src/core/certificate/arm-sums.js'
import { compareSums, NO_ARMS } from '../../src/core/certificate/compare-arms.js'
import { openEpoch, type ContextState } from '../../src/core/judgement/context-state.js'
import { NO_FOLLOW_UP } from '../../src/core/judgement/follow-up-counts.js'
import { NO_EVIDENCE } from '../../src/core/certificate/evidence.js'
import type { Trial } from '../../src/core/judgement/trial.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { mulberry32 } from '../random.js'
import type { GaugeSources } from '../../src/metrics/gauge-sources.js'

t.test('a context shows its arms and what became of the enrolled', async (t) => {
  const random = mulberry32(1)
  let sums = NO_ARM_SUMS
  for (let i = 0; i < 2000; i++) {
    const arm = random() < 0.5 ? 'control' : 'treated'
    const em = random() < (arm === 'control' ? 0.9 : 0.5) ? 1 : 0
    sums = addCompared(sums, { arm, share: 0.3, em, tokens: arm === 'control' ? 1000 : 600 })
  }
  const trial = { predictor: 'p', ordinal: 1, trained_on: 0 } as unknown as Trial
  const state: ContextState = {
    ...openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, ['task'], { time: 0, name: '0-1' }),
    arms: compareSums(NO_ARMS, sums),
    follow_up: { ...NO_FOLLOW_UP, enrolled: 12, accounted: 6, missing: 2, cancelled: 2 },
    open: { evidence: NO_EVIDENCE, unaccounted: 2 },
    open_enrolments: 5,
    last_evidence_at: 90_500,
    threshold: 0.9,
    threshold_index: 3,
    trials: [trial],
  }
  const metrics = createMetrics()
  const none = () => 0
  const NONE = { trainingRuns: async () => [], predictors: () => [], links: () => [] }
  const up = { isStoreUp: () => true, isLeader: () => true, isConfiguredApart: () => false }
  const service = { ...up, modelVersion: none, modelAgeSeconds: none, refused: none, pins: none, lag: none }
  const readings: GaugeSources = { ...service, ...NONE, busiest: async () => new Map([['task=a', state]]), isLeaf: () => true, policyOf: () => DEFAULT_POLICY }
  metrics.watch(readings)
  const text = await metrics.render()
  const value = (line: string) => Number(text.split('\n').find((one) => one.startsWith(line + ' '))?.split(' ')[1])
  t.equal(value('stopgate_context_follow_up_ratio{context="task=a"}'), 0.75)
  t.equal(value('stopgate_context_cancelled_ratio{context="task=a"}'), 0.2)
  t.equal(value('stopgate_context_follow_up{context="task=a",state="missing"}'), 2)
  t.equal(value('stopgate_context_open_enrolments{context="task=a"}'), 5)
  t.equal(value('stopgate_context_unaccounted{context="task=a"}'), 2)
  t.equal(value('stopgate_context_max_em_drop{context="task=a"}'), 0.02)
  t.equal(value('stopgate_context_last_evidence_timestamp_seconds{context="task=a"}'), 90.5)
  t.equal(value('stopgate_context_max_evidence_age_seconds{context="task=a"}'), 604_800)
  t.equal(value('stopgate_context_arm_tokens_mean{context="task=a",arm="control"}'), 1000)
  t.equal(value('stopgate_context_scorer{context="task=a",scorer="confidence"}'), 1)
  t.equal(value('stopgate_context_challengers{context="task=a"}'), 1)
  t.ok(Math.abs(value('stopgate_context_arm_em{context="task=a",arm="treated"}') - 0.5) < 0.05)
  const bounds = ['low', 'estimate', 'high'].map((bound) => value(`stopgate_context_em_difference{context="task=a",bound="${bound}"}`))
  t.strictSame(bounds, bounds.toSorted((a, b) => a - b))
  t.ok(bounds[2]! < 0, 'treated are worse, and it shows')
})
