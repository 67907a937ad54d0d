import t from 'tap'
import { numRuns } from '../../test/property.js'
import { playUnderShare, readTraceRuns, simulatedRuns, SHARES } from './share.js'
import { mean, standardError } from './summary.js'

// A small run of what `npm run simulations share` prints.

const LEVELS = ['model', 'task']
const SEEDS = [1, 2, 3, 4].slice(0, numRuns(2, 4))

t.test('over 6,000 generations the auto share saves as much as any fixed share, within half a point and noise', async (t) => {
  const saved = (share: typeof SHARES[number], seed: number) => playUnderShare(share, LEVELS, simulatedRuns(seed, 6000), seed).saved
  const auto = SEEDS.map((seed) => saved('auto', seed))
  for (const share of [0.05, 0.2, 0.5] as const) {
    const differences = SEEDS.map((seed, i) => auto[i]! - saved(share, seed))
    t.ok(mean(differences) > -0.005 - 3 * standardError(differences), `${share}: ${(100 * mean(differences)).toFixed(2)} points more`)
    if (share === 0.5) t.ok(mean(differences) > 0)
  }
})

t.test('the same traces under the same salt give the same savings', async (t) => {
  const play = () => playUnderShare('auto', LEVELS, simulatedRuns(1, 1500), 1)
  t.strictSame(play(), play())
})

t.test('real traces stay inside the bound at every share', async (t) => {
  const runs = readTraceRuns('older-self-consistency', ['task'])
  for (const share of SHARES) {
    const { saved, lost } = playUnderShare(share, ['task'], runs, 1)
    t.ok(saved > 0.1, `${share}: ${(100 * saved).toFixed(1)} % saved`)
    t.ok(lost <= 0.02, `${share}: ${(100 * lost).toFixed(2)} points lost`)
  }
})
