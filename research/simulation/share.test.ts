import t from 'tap'
import { playUnderShare, readTraceRuns, simulatedRuns, SHARES } from './share.js'
import { mean, standardError } from './summary.js'

// A small run of what `npm run simulations share` prints.

const LEVELS = ['model', 'task']
const SEEDS = [1, 2, 3, 4, 5, 6]

t.test('over 6,000 generations the auto share saves as much as any fixed share, within half a point and noise', async (t) => {
  const differences = (other: typeof SHARES[number]) => SEEDS.map((seed) => {
    const runs = [...simulatedRuns(seed, 6000)]
    return playUnderShare('auto', LEVELS, runs, seed).saved - playUnderShare(other, LEVELS, runs, seed).saved
  })
  for (const share of [0.05, 0.1, 0.2] as const) {
    const found = differences(share)
    t.ok(mean(found) > -0.005 - 3 * standardError(found), `${share}: ${(100 * mean(found)).toFixed(2)} points more`)
  }
  t.ok(mean(differences(0.5)) > 0)
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
