import t from 'tap'
import { numRuns } from '../../test/property.js'
import { playSaved, WORLDS } from './saved-tokens.js'
import { mean } from './summary.js'

// A small run of what `npm run simulations estimate` prints.

t.test('the estimate of tokens saved holds where shares and thresholds move and stops come late', async (t) => {
  const world = WORLDS.at(-1)!
  const runs = Array.from({ length: numRuns(8, 20) }, (_, i) => playSaved(world, i + 1))
  for (const { shares, places } of runs) t.ok([1, 0.5, 0.02].every((share) => shares.has(share)) && places.size > 2)
  const within = runs.filter(({ estimate, truth }) => estimate!.low <= truth && truth <= estimate!.high).length
  t.ok(within >= 0.85 * runs.length, `${within} of ${runs.length}`)
  const bias = mean(runs.map(({ estimate, truth }) => estimate!.estimate / truth - 1))
  const biasOfOld = mean(runs.map(({ byOwnLength, truth }) => byOwnLength / truth - 1))
  t.ok(Math.abs(bias) < 0.08 && biasOfOld > 0.1, `${bias}, from own length ${biasOfOld}`)
})
