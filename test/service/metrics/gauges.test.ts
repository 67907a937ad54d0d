import { Registry } from 'prom-client'
import t from 'tap'
import { addToArm, NO_ARMS } from '../../../src/core/guards/arms.js'
import { type ContextState, openEpoch } from '../../../src/core/learn/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import { NO_EVIDENCE } from '../../core/stats/no-evidence.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import type { TrainingRun } from '../../../src/core/training/run.js'
import {
  countFits, type GaugeSources, presetCounter, type ScoringLink, watchPredictors, watchService, watchTraining,
} from '../../../src/service/metrics/gauges.js'
import { createMetrics } from '../../../src/service/metrics/metrics.js'
import { mulberry32 } from '../../random.js'
import { changed } from '../../changed-state.js'

t.test('a context shows its arms and the fate of enrolled generations', async (t) => {
  const random = mulberry32(1)
  let arms = NO_ARMS
  for (let i = 0; i < 2000; i++) {
    const arm = random() < 0.5 ? 'control' : 'treated'
    const em = random() < (arm === 'control' ? 0.9 : 0.5) ? 1 : 0
    const outcome = { generation_id: `g${i}`, sample_index: null, tokens: arm === 'control' ? 1000 : 600, full: { exact_match: em } } as const
    arms = addToArm(arms, arm, outcome, 'exact_match', arm === 'control' ? 0.3 : undefined)
  }
  const state: ContextState = changed(openEpoch(undefined, { cause: 'first_enrolment', policy: DEFAULT_POLICY, levels: ['task'], time: 0, name: '0-1' }), { guards: { arms, stops: { probed: 90, other: 7, unprobed: 0, refused: 3 }, breaches: 2 }, reports: { generations: 300, follow_up: { ...NO_FOLLOW_UP, enrolled: 12, accounted: 6, missing: 2, cancelled: 2 }, open_enrolments: 5 }, evidence: { open: { evidence: NO_EVIDENCE, unaccounted: 2 }, last_at: 90_500 }, rule: { threshold: 0.9, index: 3 } })
  const metrics = createMetrics()
  let isPaused = false
  const none = () => 0
  const NONE = { trainingRuns: async () => [], predictors: () => [], links: () => [] }
  const up = { isStoreUp: () => true, isLeader: () => true, isConfiguredApart: () => false }
  const figures = { snapshotVersion: none, snapshotAgeSeconds: none, refused: none, pins: none, newMembers: none, lag: none }
  const contextRoom = () => ({ isFull: false, fullPrefixes: 0 })
  const service = { ...up, ...figures, contextRoom, isPaused: () => isPaused, isStoreLost: () => false, withdrawals: async () => [] }
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
  t.equal(value('stopgate_context_mode{context="task=a",mode="enforce"}'), 1)
  t.equal(value('stopgate_context_generations_total{context="task=a"}'), 300)
  t.equal(value('stopgate_context_last_evidence_timestamp_seconds{context="task=a"}'), 90.5)
  t.equal(value('stopgate_context_max_evidence_age_seconds{context="task=a"}'), 604_800)
  t.same(['probed', 'other', 'refused'].map((answer) => value(`stopgate_stops_total{context="task=a",answer="${answer}"}`)), [90, 7, 3])
  t.equal(value('stopgate_breaches_total{context="task=a"}'), 2)
  t.match(text, /breach_evidence .* suspected from 100 on, certain from 10,000 on/)
  t.equal((await metrics.render()).split('\n').filter((line) => line.startsWith('stopgate_breaches_total{'))[0], 'stopgate_breaches_total{context="task=a"} 2', 'it is read, not added up')
  t.equal(Math.round(value('stopgate_context_arm_tokens_mean{context="task=a",arm="control",bound="estimate"}')), 1000)
  t.equal(value('stopgate_context_scorer{context="task=a",scorer="confidence"}'), 1)
  t.ok(Math.abs(value('stopgate_context_arm_em{context="task=a",arm="treated",bound="estimate"}') - 0.5) < 0.05)
  const bounds = ['low', 'estimate', 'high'].map((bound) => value(`stopgate_context_em_difference{context="task=a",bound="${bound}"}`))
  t.strictSame(bounds, bounds.toSorted((a, b) => a - b))
  t.ok(bounds[2]! < 0, 'treated are worse, and it shows')
  isPaused = true
  t.match(await metrics.render(), 'stopgate_context_mode{context="task=a",mode="off"} 1\n', 'while stopping is paused')
})

const lines = async (registry: Registry) => (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))

t.test('contexts are counted by the score that serves', async (t) => {
  const registry = new Registry()
  let live = ['a', 'b']
  const standings: ScoringLink[] = [
    { threshold: 0.9, policy: { score: 'confidence', mode: 'enforce' } },
    { threshold: 0.9, policy: { score: 'a', mode: 'enforce' } },
    { threshold: null, policy: { score: 'b', mode: 'enforce' } },
  ]
  watchPredictors([registry], () => live, () => standings)
  t.strictSame(await lines(registry), [
    'stopgate_predictors 2',
    'stopgate_scorer_serving_contexts{scorer="confidence"} 1',
    'stopgate_scorer_serving_contexts{scorer="a"} 1',
    'stopgate_scorer_serving_contexts{scorer="b"} 0',
  ])
  live = []
  standings.splice(0)
  t.strictSame(await lines(registry), ['stopgate_predictors 0', 'stopgate_scorer_serving_contexts{scorer="confidence"} 0'])
})

t.test('fits are counted by result, with the time and duration of the last', async (t) => {
  const registry = new Registry()
  const fitted = countFits([registry])
  const value = async (name: string) => Number((await lines(registry)).find((line) => line.startsWith(`${name} `))!.split(' ')[1])
  t.equal(await value('stopgate_predictor_fits_total{result="failed"}'), 0, 'so that an increase is seen from its first')
  fitted({ result: 'failed', seconds: 3 })
  t.equal(await value('stopgate_predictor_fits_total{result="failed"}'), 1)
  t.equal(await value('stopgate_predictor_fit_duration_seconds'), 3)
  t.equal(await value('stopgate_predictor_trained_timestamp_seconds'), 0, 'a failure trains none')
  fitted({ result: 'trained', seconds: 2 })
  t.ok(Math.abs(await value('stopgate_predictor_trained_timestamp_seconds') - Date.now() / 1000) < 60)
})

t.test('a preset counter shows every value of its label before the first increase', async (t) => {
  const registry = new Registry()
  presetCounter([registry], 'x_total', 'help', 'result', ['stored', 'dropped']).inc({ result: 'stored' })
  t.match(await registry.metrics(), 'x_total{result="stored"} 1\nx_total{result="dropped"} 0\n')
})

t.test('gauges are read at each scrape', async (t) => {
  const registry = new Registry()
  let version = 7
  watchService([registry], {
    snapshotVersion: () => version,
    snapshotAgeSeconds: () => null,
    isStoreUp: () => false,
    isLeader: () => true,
    lag: () => 3,
    newMembers: () => 4,
    refused: () => 5,
    contextRoom: () => ({ isFull: false, fullPrefixes: 0 }),
    isPaused: () => false,
    isStoreLost: () => true,
    withdrawals: async () => [{ key: 'task=a', cause: 'drift', time: 90_500 }],
    pins: () => 2,
    isLeaf: () => true,
    policyOf: () => undefined,
    isConfiguredApart: () => true,
    trainingRuns: async () => [],
    predictors: () => [],
    busiest: async () => new Map(),
    links: () => [
      { key: 'task=a', threshold: null, policy: DEFAULT_POLICY, warnings: ['outcomes_missing'] },
      { key: 'task=b', threshold: null, policy: DEFAULT_POLICY, warnings: ['outcomes_missing', 'left_out_high'] },
      { key: 'task=c', threshold: null, policy: { ...DEFAULT_POLICY, mode: 'off' }, warnings: ['outcomes_missing'] },
    ],
  })
  t.match(await registry.metrics(), 'stopgate_snapshot_version 7\n')
  version = 8
  const text = await registry.metrics()
  for (const line of ['snapshot_version 8', 'snapshot_age_seconds +Inf', 'store_up 0', 'learner_leader 1', 'configuration_differs 1', 'outcome_log_lag 3', 'pins 2', 'store_lost 1', 'outcomes_without_context_total 5']) {
    t.match(text, `stopgate_${line}\n`)
  }
  t.match(text, 'stopgate_contexts_warned{warning="outcomes_missing"} 2\n')
  t.match(text, 'stopgate_contexts_warned{warning="left_out_high"} 1\n')
  t.match(text, 'stopgate_context_warned{context="task=b",warning="left_out_high"} 1\n', 'so that alerts can name it')
  t.match(text, 'stopgate_withdrawal_timestamp_seconds{context="task=a",cause="drift"} 90.5\n')
})

const runOf = (name: string, suites: number): TrainingRun => ({
  name,
  revision: 1,
  created_at: 0,
  updated_at: 0,
  suites: Array.from({ length: suites }, (_, i) => ({ suite: `s${i}`, steps: 1, replayed: 0, step: 10 + i, em: 0.5, tokens_mean: 99.5, verdicts: ['plateau', 'same_level'] as const })),
  contexts: [],
})

t.test('each named suite shows its newest checkpoint, and verdicts of the others are counted', async (t) => {
  const registry = new Registry()
  let runs = [runOf('a', 32), runOf('b', 32), runOf('c', 32), runOf('d', 32)]
  const read = watchTraining([registry], async () => runs)
  await read()
  const text = await registry.metrics()
  t.match(text, 'stopgate_training_em{run="a",suite="s0"} 0.5\n')
  t.match(text, 'stopgate_training_tokens_mean{run="a",suite="s0"} 99.5\n')
  t.match(text, 'stopgate_training_step{run="d",suite="s3"} 13\n')
  t.match(text, 'stopgate_training_verdict{run="a",suite="s0",verdict="plateau"} 1\n')
  t.match(text, 'stopgate_training_verdict{run="a",suite="s0",verdict="overthinking"} 0\n')
  t.match(text, 'stopgate_training_verdict{run="other",suite="other",verdict="plateau"} 28\n')
  t.equal(text.match(/^stopgate_training_em\{/gm)!.length, 100)
  runs = [runOf('a', 1)]
  await read()
  t.equal((await registry.metrics()).match(/^stopgate_training_em\{/gm)!.length, 1, 'what is gone is gone')
})
