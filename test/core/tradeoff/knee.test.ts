import t from 'tap'
import { NO_EVIDENCE, type Evidence } from '../../../src/core/certificate/evidence.js'
import { kneeOf } from '../../../src/core/tradeoff/knee.js'
import { segmentsOf } from '../../../src/core/tradeoff/segments.js'
import { mulberry32 } from '../../random.js'
import { evidenceWith } from '../certificate/random-evidence.js'
import { isClose, stairs } from './stairs.js'

const kneeIn = (evidence: Evidence) => kneeOf(evidence, segmentsOf(evidence))

t.test('an example by hand: on the diagonal 20, 40 and 60 % of tokens cost 1.33, 2.67 and 4 points; the curve costs 0, 1 and 4', async (t) => {
  const knee = kneeIn(stairs([0, 10, 40]))!
  t.equal(knee.index, 10)
  t.ok(isClose(knee.below, 0.02 / 3 + 0.01), '2.67 - 1 = 1.67 points below the diagonal, more than 1.33')
})

t.test('a straight line, noise and a lossless curve have no knee', async (t) => {
  t.equal(kneeIn(stairs([20, 40, 60])), null, 'a straight line')
  t.equal(kneeIn(stairs([0, 1, 4], 100)), null, 'the same bend in 100 generations')
  t.equal(kneeIn(stairs([0, 0, 0])), null)
  t.equal(kneeIn(NO_EVIDENCE), null)
})

t.test('a truly straight line rarely has a knee, whatever the number of thresholds', async (t) => {
  const random = mulberry32(11)
  for (const thresholds of [30, 120]) {
    let knees = 0
    for (let run = 0; run < 200; run++) {
      const lost = new Array<number>(thresholds).fill(0)
      for (let i = 0; i < 500; i++) {
        const at = Math.floor(random() / 0.3 * thresholds) // 30 % are lost at some threshold.
        for (let k = at; k < thresholds; k++) lost[k]! += 1
      }
      const saved = lost.map((_, k) => 0.75 * (k + 1) / thresholds)
      if (kneeIn(evidenceWith(500, lost, saved, lost.map(() => 0))) !== null) knees++
    }
    t.ok(knees <= 10, `${knees} of 200, ${thresholds} thresholds`)
  }
})
