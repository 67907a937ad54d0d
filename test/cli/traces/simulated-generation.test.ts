import t from 'tap'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { PROFILES, simulateGeneration, type Profile, type SimulatedStep } from '../../../src/cli/traces/simulated-generation.js'
import { NO_EVIDENCE } from '../../core/stats/no-evidence.js'
import { numRuns } from '../../property.js'
import { plantedProfile, truthOf } from '../../simulated-truth.js'
import { contextKey } from '../../../src/core/policy/context.js'
import { TEST_CADENCE } from '../../test-cadence.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { emDrop, tokensSavedRatio } from '../../../src/core/stats/evidence.js'
import { addTrace } from '../../../src/core/stats/evidence-sum.js'
import { stopsOf } from '../../../src/core/stats/trace.js'

const [steady, bold, choices] = PROFILES as [Profile, Profile, Profile]

function many (profile: Profile, n = 4000) {
  const random = seededRandom(11)
  return Array.from({ length: n }, () => simulateGeneration(random, profile))
}

t.strictSame(many(steady, 20), many(steady, 20), 'the same draws make the same generation')

t.test('a generation has the shape of its profile', async (t) => {
  const generations = many(choices, 500)
  const steps = generations.flatMap((generation) => generation.steps)
  t.ok(generations.every(({ steps }) => steps.length >= 1 && steps.every((step, i) => step.tokens === 32 * (i + 1))), 'a step every 32 tokens')
  t.ok(generations.every(({ tokens, steps }) => tokens >= steps.at(-1)!.tokens))
  t.ok(steps.every(({ confidence, chance }) => confidence >= 0.25 && confidence <= 1 && chance >= 0.25), 'never below the chance of a guess among four')
  const isStreak = ({ signals: { answer_streak: streak }, em }: SimulatedStep, before: SimulatedStep | undefined) =>
    streak === 1 || (before !== undefined && streak === before.signals.answer_streak + 1 && em === before.em)
  t.ok(generations.every(({ steps }) => steps.every((step, i) => isStreak(step, steps[i - 1]))), 'a streak grows by one while the answer stays')
})

t.test('the share of right answers equals the stated chance', async (t) => {
  // One step of each generation, for independence; within four standard errors.
  const last = many(bold, 20_000).map(({ steps }) => steps[Math.floor(steps.length / 2)]!)
  for (let low = 0; low < 1; low += 0.2) {
    const bin = last.filter(({ chance }) => chance >= low && chance < low + 0.2)
    const expected = bin.reduce((sum, { chance }) => sum + chance, 0) / bin.length
    const right = bin.filter(({ em }) => em === 1).length / bin.length
    t.ok(Math.abs(right - expected) < 4 * Math.sqrt(0.25 / bin.length), `${low.toFixed(1)}: ${right.toFixed(3)} of ${expected.toFixed(3)}`)
  }
})

t.test('the steady model is calibrated and the bold one overconfident', async (t) => {
  const gap = (profile: Profile) => {
    const sure = many(profile).flatMap(({ steps }) => steps.filter(({ confidence }) => confidence >= 0.9 && confidence < 0.95).slice(0, 1))
    return sure.reduce((sum, { confidence, chance }) => sum + confidence - chance, 0) / sure.length
  }
  t.ok(Math.abs(gap(steady)) < 0.001, 'confidence equals the chance to be right')
  t.ok(gap(bold) > 0.2, 'confidence far exceeds the chance to be right')
})

const keys = PROFILES.map(({ context }) => contextKey(['model', 'task'], context))
t.equal(new Set(keys).size, PROFILES.length, 'the contexts differ under the default levels')
t.ok(PROFILES.every(({ everyTokens }) => everyTokens === TEST_CADENCE), 'steps at the cadence of the demo')

const { chance, steps } = simulateGeneration(seededRandom(1), plantedProfile(0.025))
t.ok(steps.every((step) => step.confidence >= GRID[0]!), 'a planted context crosses every threshold at the first step')
t.ok(steps.every((step) => Math.abs(chance - step.chance - 0.025) < 1e-12), 'a planted context loses the same at every step')

t.test('the true drop of a planted context is exact', async (t) => {
  const rows = truthOf(plantedProfile(0.03), 500, seededRandom(5))
  t.equal(rows.length, 30)
  t.ok(rows.every((row) => Math.abs(row.em_drop - 0.03) < 1e-12 && row.standard_error < 1e-9 && row.stopped_ratio === 1))
})

t.test('without a planted drop nothing is lost', async (t) => t.ok(truthOf(plantedProfile(0), 50, seededRandom(5)).every((row) => row.em_drop === 0)))

for (const profile of PROFILES) {
  t.test(`the evidence of the core agrees with the truth: ${JSON.stringify(profile.context)}`, async (t) => {
    const n = numRuns(8_000, 20_000)
    const truth = truthOf(profile, n, seededRandom(1001))
    const random = seededRandom(2002)
    let evidence = NO_EVIDENCE
    for (let i = 0; i < n; i++) {
      const { tokens, em, steps } = simulateGeneration(random, profile)
      const scored = steps.map((step) => ({ ...step, score: step.confidence }))
      const trace = { tokens, answerTokens: profile.answerTokens, em, isComplete: true, steps: scored }
      evidence = addTrace(evidence, trace, stopsOf(trace, 0))
    }
    for (const [k, row] of truth.entries()) {
      // Per generation a delta in {-1, 0, 1}: variance at most P(delta != 0).
      const error = Math.sqrt((evidence.lost[k]! + evidence.gained[k]! + 1) / n / n) + row.standard_error
      t.ok(Math.abs(emDrop(evidence, k) - row.em_drop) < 4.5 * error, `EM drop at ${row.threshold}`)
      t.ok(Math.abs(tokensSavedRatio(evidence, k) - row.tokens_saved_ratio) < 0.015, `tokens saved at ${row.threshold}`)
    }
  })
}
