import t from 'tap'
import { PROFILES } from '../../src/cli/simulate/simulated-generation.js'
import { atMost } from '../../test/random.js'
import { bestUtility, LEVEL, playPriced, pricedTruth, utility } from './prices.js'
import { planted } from '../../test/simulation/stream.js'
import { mean } from './summary.js'

// Small runs of the simulation that `npm run simulations prices` prints.

t.test('the threshold in force has nearly the best utility of all certified ones, and is never looser than the loosest of them', async (t) => {
  const profile = PROFILES[0]!
  const truth = pricedTruth(profile, 5000)
  const saved = [0.03, 0.3].map((worth) => {
    const runs = [1, 2, 3, 4].map((seed) => playPriced(profile, truth, worth, 4000, seed))
    for (const { ceiling, isPastCeiling } of runs) t.ok(ceiling > 0 && !isPastCeiling)
    const shortfall = mean(runs.map(({ index, ceiling }) => bestUtility(truth, ceiling, worth) - utility(truth, index, worth)))
    t.ok(shortfall < 0.003, `${shortfall} answers a generation below the best, where tokens are worth ${worth}`)
    return mean(runs.map(({ index }) => truth.saved[index] ?? 0))
  })
  t.ok(saved[0]! < saved[1]! - 0.05, 'cheap tokens are not worth the EM that the bound would allow')
})

t.test('with prices a drop just beyond the bound is certified no more often than error_level', async (t) => {
  const runs = 60
  const profile = planted(0.0501)
  const truth = pricedTruth(profile, 200)
  const wrong = Array.from({ length: runs }, (_, i) => playPriced(profile, truth, 10, 1500, i + 1)).filter(({ isWrong }) => isWrong)
  t.ok(wrong.length / runs <= atMost(LEVEL, runs), `${wrong.length} of ${runs}`)
})
