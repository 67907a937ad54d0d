import t from 'tap'
import { compareEm, compareTokens, NO_ARMS } from '../../src/core/certificate/compare-arms.js'
import { openEpoch } from '../../src/core/judgement/context-state.js'
import { NO_EVIDENCE } from '../../src/core/certificate/evidence.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { mulberry32 } from '../random.js'
import type { GaugeSources } from '../../src/metrics/gauge-sources.js'

t.test('a context shows its arms and what its evidence lacks', async (t) => {
  const random = mulberry32(1)
  let arms = NO_ARMS
  for (let i = 0; i < 2000; i++) {
    const arm = random() < 0.3 ? 'control' : 'treated'
    arms = compareEm(compareTokens(arms, arm, 0.3, arm === 'control' ? 1000 : 600), arm, 0.3, random() < (arm === 'control' ? 0.9 : 0.5) ? 1 : 0)
  }
  const trial = { predictor: 'p', ordinal: 1, since: 0, requested: DEFAULT_POLICY, halves: [NO_EVIDENCE, NO_EVIDENCE], trained_on: 0 } as const
  const state = { ...openEpoch(undefined, 'first_outcome', DEFAULT_POLICY, ['task'], 0), arms, unlabelled: 3, awaiting_label: 2, threshold: 0.9, threshold_index: 3, serving: 'p', trials: [trial] }
  const metrics = createMetrics()
  const none = () => 0
  const NONE = { trainingRuns: async () => [], predictors: () => [], links: () => [] }
  const up = { isStoreUp: () => true, isLeader: () => true }
  const service = { ...up, modelVersion: none, modelAgeSeconds: none, refused: none, pins: none, lag: none }
  const readings: GaugeSources = { ...service, ...NONE, busiest: async () => new Map([['task=a', state]]), isLeaf: () => true }
  metrics.watch(readings)
  const text = await metrics.render()
  const value = (line: string) => Number(text.split('\n').find((one) => one.startsWith(line + ' '))?.split(' ')[1])
  t.equal(value('stopgate_context_unlabelled{context="task=a"}'), 3)
  t.equal(value('stopgate_context_awaiting_label{context="task=a"}'), 2)
  t.equal(value('stopgate_context_arm_tokens_mean{context="task=a",arm="control"}'), 1000)
  t.equal(value('stopgate_context_scorer{context="task=a",scorer="p"}'), 1)
  t.equal(value('stopgate_context_challengers{context="task=a"}'), 1)
  t.ok(Math.abs(value('stopgate_context_arm_em{context="task=a",arm="treated"}') - 0.5) < 0.05)
  const bounds = ['low', 'estimate', 'high'].map((bound) => value(`stopgate_context_em_difference{context="task=a",bound="${bound}"}`))
  t.strictSame(bounds, bounds.toSorted((a, b) => a - b))
  t.ok(bounds[2]! < 0, 'treated are worse, and it shows')
})
