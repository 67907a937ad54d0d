import t from 'tap'
import { emDropInterval } from '../../../src/core/stats/em-drop-interval.js'
import { addLoss, estimateLost, NO_LOSSES } from '../../../src/core/stats/lost-answers.js'
import { mulberry32 } from '../../random.js'

t.test('answers lost are the share that control generations lose, times those that could be stopped, by hand', async (t) => {
  let losses = NO_LOSSES
  for (let i = 0; i < 100; i++) losses = addLoss(losses, i < 3 ? 1 : i < 4 ? -1 : 0, 49, 0)
  // Units of equal weights count in full: 3 of 100 are lost and 1 gained, of 5,000 generations.
  const { low, high } = emDropInterval({ lost: 3, kept: 96, gained: 1 }, 0.05)
  t.same(estimateLost(losses, 5000), { estimate: 100, low: 5000 * low, high: 5000 * high })
})

t.test('a group counts as one unit, in whatever order its samples come', async (t) => {
  const group = addLoss(addLoss(addLoss(NO_LOSSES, 0, 2, 0), 0, 2, 1), 1, 2, 2)
  t.same(group, { samples: 6, squares: 4 * 9, lost: 2, gained: 0 })
  const { low, high } = emDropInterval({ lost: 1 / 3, kept: 2 / 3, gained: 0 }, 0.05)
  t.match(estimateLost(group, 3), { estimate: 1, low: 3 * low, high: 3 * high })
})

t.test('where nothing is known there is no estimate, and where nothing was seen to be lost, its upper end is above 0', async (t) => {
  t.equal(estimateLost(NO_LOSSES, 7), null)
  t.same(estimateLost(NO_LOSSES, 0), { estimate: 0, low: 0, high: 0 }, 'nothing could be stopped')
  let losses = NO_LOSSES
  for (let i = 0; i < 200; i++) losses = addLoss(losses, 0, 1, 0)
  const { estimate, high } = estimateLost(losses, 1000)!
  t.equal(estimate, 0)
  t.ok(high > 3.69 / 200 * 1000 * 0.9, `${high}: three in a thousand would often not be seen`)
})

t.test('the interval has the true number in at least 95 of 100 runs, where contexts differ in share and loss', async (t) => {
  const random = mulberry32(3)
  let hits = 0
  for (let run = 0; run < 200; run++) {
    let losses = NO_LOSSES
    let [treated, truth] = [0, 0]
    for (const [share, loss] of [[0.02, 0.03], [0.2, 0.005]] as const) {
      for (let i = 0; i < 5000; i++) {
        if (random() < share) losses = addLoss(losses, random() < loss ? 1 : 0, (1 - share) / share, 0)
        else { treated++; truth += loss }
      }
    }
    const { low, high } = estimateLost(losses, treated)!
    if (low <= truth && truth <= high) hits++
  }
  t.ok(hits >= 190, `${hits} of 200`)
})
