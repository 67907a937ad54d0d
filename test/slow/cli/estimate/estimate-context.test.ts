import t from 'tap'
import { estimateRuns } from '../../../../src/cli/estimate/estimate.js'
import type { ContextEstimate } from '../../../../src/cli/estimate/estimate-context.js'
import { type PlayedRun, replay } from '../../../../src/cli/evaluate/replay.js'
import { PROFILES, type Profile } from '../../../../src/cli/traces/simulated-generation.js'
import { plantedProfile } from '../../../simulated-truth.js'
import { readRecordedRun } from '../../../../src/cli/traces/read-traces.js'
import type { RecordedRun } from '../../../../src/cli/traces/recorded-run.js'
import { simulatedRuns } from '../../../../src/cli/traces/simulated-runs.js'

const LEVELS = ['model', 'task']
const PLAN = { levels: LEVELS, maxEmDrop: 0.02, errorLevel: 0.05, perSecond: null, probeTokens: null, seed: 1 }
const PROBE_TOKENS = 2

function simulated (profile: Profile, count: number, seed: number, probeTokens = PROBE_TOKENS): RecordedRun[] {
  return simulatedRuns(count, seed, [profile]).map(({ outcome }) => readRecordedRun('simulated', JSON.stringify({
    ...outcome, steps: outcome.steps!.map((step) => ({ ...step, probe_tokens: probeTokens })),
  })))
}

/** The only context of an estimate. */
function estimateOf (runs: readonly RecordedRun[], plan: Partial<typeof PLAN> | { perSecond: number } = {}): ContextEstimate {
  const { contexts } = estimateRuns(runs, { ...PLAN, ...plan })
  return contexts[0]!
}

/** The part of the tokens that a service saves in treated generations of late, net, when they are asked at a cadence. */
function savedByReplay (runs: readonly RecordedRun[], cadence: ContextEstimate['cadence']): number {
  const { check_every_tokens, check_growth } = cadence
  const treated = replay(runs, LEVELS, { check_every_tokens, check_growth }, 1).slice(-runs.length / 2).filter(({ arm }) => arm === 'treated')
  const sum = (value: (one: PlayedRun) => number) => treated.reduce((total, one) => total + value(one), 0)
  return 1 - sum(({ tokens, probeTokens }) => tokens + probeTokens) / sum(({ run }) => run.tokens)
}

for (const profile of PROFILES) {
  t.test(`60 prompts show what a service saves in the end: ${Object.values(profile.context).join(' ')}`, async (t) => {
    const estimate = estimateOf(simulated(profile, 60, 5))
    const saved = savedByReplay(simulated(profile, 6000, 77), estimate.cadence)
    const { low, high } = estimate.saved_ratio
    t.ok(low <= saved && saved <= high, `${saved} is from ${low} to ${high}`)
    t.ok(high - low < 0.6, 'the interval says something')
    t.ok(saved > 0.05, 'so does the replay')
    t.match(estimate, { generations: 60, prompts: 60, label: 'exact_match', probe_tokens: PROBE_TOKENS, self_agreement: null })
  })
}

t.test('more prompts give narrower intervals', async (t) => {
  const width = (count: number) => {
    const { low, high } = estimateOf(simulated(PROFILES[0]!, count, 9)).saved_ratio
    return high - low
  }
  t.ok(width(1000) < 0.6 * width(60))
})

t.test('samples of one prompt are one unit, and show how often the model agrees with itself', async (t) => {
  const runs = simulated(PROFILES[0]!, 300, 2)
  const grouped = runs.map((run, i) => ({ ...run, outcome: { ...run.outcome, group_id: `q${i % 30}`, answer: `answer ${i < 30 ? 'x' : i % 30}` } }))
  const [alone, together] = [estimateOf(runs), estimateOf(grouped)]
  t.match(together, { generations: 300, prompts: 30, self_agreement: { by: 'answer', pairs: 30 * 28, share: 21 / 28 } })
  t.ok(together.unseen_em_drop > 3 * alone.unseen_em_drop)
  t.ok(together.first_certificate.generations!.low > 10 * 184, 'its 186 units have ten samples each')
})

t.test('what cannot be certified, or saves nothing, is not for you', async (t) => {
  const verdict = (runs: RecordedRun[]) => estimateRuns(runs, PLAN)
  const lossy = verdict(simulated(plantedProfile(0.2), 300, 3))
  t.match(lossy, { verdict: { decision: 'not_for_you', text: /^Not for you: stopping early loses more right answers/ }, contexts: [{ obstacle: 'accuracy' }] })
  const costly = verdict(simulated(PROFILES[0]!, 100, 3, 2000))
  t.match(costly, { verdict: { decision: 'not_for_you', text: /^Not for you: probes cost about as many/ }, contexts: [{ obstacle: 'probe_cost' }] })
  const late = verdict(simulated({ ...PROFILES[0]!, confidence: { scale: 0, shift: -4, noise: 0 } }, 100, 3))
  t.match(late, { verdict: { decision: 'not_for_you', text: /^Not for you: the model is sure of its answer only near/ }, contexts: [{ obstacle: 'length' }] })
})

t.test('a few prompts cannot tell whether a small loss is below the bound', async (t) => {
  const runs = simulated(plantedProfile(0.02), 30, 4)
  const { verdict, contexts } = estimateRuns(runs, PLAN)
  t.match(verdict, { decision: 'cannot_tell', text: /^Cannot tell yet: something is saved with a probability of \d+ %; 30 prompts are too few for an EM drop of 2 points, so try 80\.$/ })
  t.equal(contexts[0]!.saved_ratio.low, 0)
})

t.test('the first certificate takes 186 lossless units, and half an hour or the traffic', async (t) => {
  const runs = simulated({ ...plantedProfile(0), lateGain: 0 }, 600, 1)
  const { first_certificate: fast } = estimateOf(runs, { perSecond: 100 })
  t.ok(fast.generations!.low >= 185 && fast.generations!.low < 204, String(fast.generations!.low))
  t.ok(fast.seconds!.low >= 1790 && fast.seconds!.low < 2200, 'the evidence spans half an hour')
  const { first_certificate: slow } = estimateOf(runs, { perSecond: 0.01 })
  t.ok(slow.seconds!.low >= 18_500 && slow.seconds!.low < 22_900, String(slow.seconds!.low))
  const { first_certificate: never } = estimateOf(runs, { perSecond: 0.00001 })
  t.match(never, { generations: null, seconds: null, chance: 0 }, 'a month brings too few generations')
})
