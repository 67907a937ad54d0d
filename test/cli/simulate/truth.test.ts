import t from 'tap'
import { emDrop, NO_EVIDENCE, tokensSavedRatio } from '../../../src/core/certificate/evidence.js'
import { addTrace } from '../../../src/core/certificate/merge-evidence.js'
import { stopsOf } from '../../../src/core/certificate/stops.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { plantedProfile, PROFILES } from '../../../src/cli/simulate/profiles.js'
import { simulateGeneration } from '../../../src/cli/simulate/simulate-generation.js'
import { truthOf } from '../../../src/cli/simulate/truth.js'

t.test('the true drop of a planted context is exact', async (t) => {
  const rows = truthOf(plantedProfile(0.03), 500, seededRandom(5))
  t.equal(rows.length, 30)
  t.ok(rows.every((row) => Math.abs(row.em_drop - 0.03) < 1e-12 && row.standard_error < 1e-9 && row.stopped_ratio === 1))
})

t.test('without a planted drop nothing is lost', async (t) => t.ok(truthOf(plantedProfile(0), 50, seededRandom(5)).every((row) => row.em_drop === 0)))

for (const profile of PROFILES) {
  t.test(`the evidence of the core agrees with the truth: ${JSON.stringify(profile.context)}`, async (t) => {
    const n = 20_000
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
