import t from 'tap'
import { NO_EVIDENCE, type Evidence } from '../../../src/core/certificate/evidence.js'
import { kneeOf } from '../../../src/core/tradeoff/knee.js'
import { segmentsOf } from '../../../src/core/tradeoff/segments.js'
import { mulberry32 } from '../../random.js'
import { evidenceWith } from '../certificate/random-evidence.js'
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

t.test('a true straight line seldom seems to have one, however many thresholds there are', async (t) => {
  const random = mulberry32(11)
  for (const thresholds of [30, 120]) {
    let knees = 0
    for (let run = 0; run < 200; run++) {
      const lost = new Array<number>(thresholds).fill(0)
      for (let i = 0; i < 500; i++) {
        const at = Math.floor(random() / 0.3 * thresholds) // three in ten are lost somewhere
        for (let k = at; k < thresholds; k++) lost[k]! += 1
      }
      const saved = lost.map((_, k) => 0.75 * (k + 1) / thresholds)
      if (kneeIn(evidenceWith(500, lost, saved, lost.map(() => 0))) !== null) knees++
    }
    t.ok(knees <= 10, `${knees} of 200, ${thresholds} thresholds`)
  }
})
