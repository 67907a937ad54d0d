import t from 'tap'
import { NO_EVIDENCE, type Evidence } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { segmentsOf } from '../../../src/core/tradeoff/segments.js'
import { turningPoint } from '../../../src/core/tradeoff/turning-point.js'
import { mulberry32 } from '../../random.js'
import { evidenceWith } from '../certificate/random-evidence.js'
import { isClose, stairs } from './stairs.js'

const turnIn = (evidence: Evidence, allowed: number) => turningPoint(evidence, segmentsOf(evidence), allowed, 0.05)

t.test('an example by hand: a percent of tokens costs nothing, then 0.0005, then 0.0015', async (t) => {
  const evidence = stairs([0, 10, 40])
  t.equal(turnIn(evidence, 0.0016), null, 'every price is allowed')
  const [last, first] = [turnIn(evidence, 0.001)!, turnIn(evidence, 0.0001)!]
  t.ok(last.index === 10 && isClose(last.next!.estimate, 0.0015))
  t.ok(first.index === 0 && isClose(first.next!.estimate, 0.0005) && isClose(first.rest.estimate, 0.001))
  t.match(turnIn(stairs([10, 30, 60]), 0.0001), { index: -1 }, 'every threshold is too expensive')
  t.equal(turnIn(stairs([0, 10, 40]), 0.0001)!.is_sure, true)
  t.equal(turnIn(stairs([0, 1, 4], 100), 0.0001)!.is_sure, false, 'the same loss in 100 generations')
  t.equal(turnIn(NO_EVIDENCE, 0), null)
})

t.test('the turning point is rarely sure if every percent costs exactly what is allowed', async (t) => {
  const random = mulberry32(5)
  let sure = 0
  for (let run = 0; run < 200; run++) {
    const lost = GRID.map(() => 0)
    for (let i = 0; i < 500; i++) { const u = random(); for (let k = 0; k < 30; k++) if (u < (k + 1) / 400) lost[k]! += 1 }
    if (turnIn(evidenceWith(500, lost, GRID.map((_, k) => (k + 1) / 40)), 0.001)?.is_sure === true) sure++
  }
  t.ok(sure <= 10, `${sure} of 200 at level 5 %`)
})
