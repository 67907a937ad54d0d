import t from 'tap'
import { watchRise } from './settling.js'

t.test('a suspicion raises the share in one jump, so that settling does not eat the gain', async (t) => {
  const runs = [1, 2].map((seed) => watchRise(300, seed))
  for (const { generations, lost, share } of runs) {
    t.ok(generations < 20_000, `0.5 to 6 points, settle_seconds 300: over after ${generations} generations, ${lost} answers`)
    t.ok(share < 0.06, `and before, ${(100 * share).toFixed(1)} % were control`)
  }
})
