import t from 'tap'
import { GRID } from '../../../src/core/grid.js'
import { NO_EVIDENCE, type Evidence } from '../../../src/core/evidence.js'
import { kneeOf } from '../../../src/core/tradeoff/knee.js'
import { segmentsOf } from '../../../src/core/tradeoff/segments.js'
import { mulberry32 } from '../../random.js'
import { evidenceWith } from '../random-evidence.js'
import { isClose, stairs } from './stairs.js'

const kneeIn = (evidence: Evidence) => kneeOf(evidence, segmentsOf(evidence))

t.test('by hand: 4 points for 60 % are 1.33 for 20 and 2.67 for 40, where 0 and 1 are lost', async (t) => {
  const knee = kneeIn(stairs([0, 10, 40]))!
  t.equal(knee.index, 10)
  t.ok(isClose(knee.below, 0.02 / 3 + 0.01), '2.67 - 1 = 1.67 points below the line, more than 1.33')
})

t.test('no knee in a straight line, in noise, or where nothing is lost', async (t) => {
  t.equal(kneeIn(stairs([20, 40, 60])), null, 'straight')
  t.equal(kneeIn(stairs([0, 1, 4], 100)), null, 'the same bend seen in 100 generations')
  t.equal(kneeIn(stairs([0, 0, 0])), null)
  t.equal(kneeIn(NO_EVIDENCE), null)
})

t.test('a true straight line seldom seems to have one', async (t) => {
  const random = mulberry32(11)
  let knees = 0
  for (let run = 0; run < 200; run++) {
    const lost = GRID.map(() => 0)
    for (let i = 0; i < 500; i++) { const u = random(); for (let k = 0; k < 30; k++) if (u < (k + 1) / 100) lost[k]! += 1 }
    if (kneeIn(evidenceWith(500, lost, GRID.map((_, k) => (k + 1) / 40))) !== null) knees++
  }
  t.ok(knees <= 10, `${knees} of 200`)
})
