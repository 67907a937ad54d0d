import t from 'tap'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { PROFILES } from '../../../src/cli/simulate/profiles.js'
import { simulateGeneration, type Profile, type SimulatedStep } from '../../../src/cli/simulate/simulate-generation.js'

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
