import t from 'tap'
import { PROFILES } from '../../src/cli/traces/simulated-generation.js'
import { forecastCertificates, judgeForecasts } from './next-certificate.js'
import { mean } from './summary.js'
import { gatherEvidence, tradeoffErrors, trueEvidence } from './tradeoff.js'

t.test('turning points are near the true ones', async (t) => {
  const profile = PROFILES[0]!
  const truth = trueEvidence(profile, 5000)
  const errors = [1, 2, 3, 4, 5].map((seed) => tradeoffErrors(gatherEvidence(profile, 1000, seed), truth))
  for (const { knee, turn, turnDrop } of errors) {
    t.ok(knee !== null && knee < 0.15 && turn !== null && turn < 0.2 && Math.abs(turnDrop!) < 0.02)
  }
  t.ok(mean(errors.map(({ tokensHeld }) => tokensHeld)) > 0.9)
})

t.test('the first certificate comes about when it was forecast', async (t) => {
  const forecasts = [1, 2, 3, 4].flatMap((seed) => forecastCertificates(PROFILES[0]!, seed, 600)).filter(({ isFirst }) => isFirst)
  const { right, count } = judgeForecasts(forecasts)
  t.ok(count >= 8 && right > 0.6, `${right} of ${count}`)
})
