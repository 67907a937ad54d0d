import t from 'tap'
import { EIGHTHS, logEvidence } from '../../src/core/stats/certificate.js'
import { meanUnit } from '../../src/core/evidence/enrolled-unit.js'
import { memberUnit } from '../../test/core/learn/member-unit.js'
import { mulberry32 } from '../../test/random.js'
import { groupsNeeded, roundedMean } from './groups.js'
import { median } from './summary.js'

// A small run of what `npm run simulations groups` prints.

t.test('means are rounded as the service rounds them', async (t) => {
  for (const u of [0.1, 0.2, 0.3, 0.4, 0.5]) {
    const { unit } = memberUnit({ lost: 3 }) // a sum of three samples
    t.equal(roundedMean(3, 7, EIGHTHS, u) * EIGHTHS, meanUnit(unit, 0, 7, u, unit.eighths.length).eighths[0])
  }
  t.equal(roundedMean(3, 7, null, 0.5), 3 / 7)
})

t.test('single generations need as many as the certificate states', async (t) => {
  const [needed] = groupsNeeded(() => 0.5, { samples: 1, drop: 0, risky: 1 }, [null], 1000)
  t.equal(needed, 186)
  t.ok(logEvidence(0.02, { lost: 0, kept: needed!, gained: 0 }) >= Math.log(20))
})

t.test('at a drop of 1 point groups of four need less than half as many units, and eighths as many as unrounded means', async (t) => {
  const random = mulberry32(1)
  const play = (samples: number, roundings: ReadonlyArray<number | null>) => {
    const runs = Array.from({ length: 60 }, () => groupsNeeded(random, { samples, drop: 0.01, risky: 1 }, roundings, 5000))
    return roundings.map((_, r) => median(runs.map((needed) => needed[r]!)))
  }
  const [single] = play(1, [EIGHTHS])
  const [four] = play(4, [EIGHTHS])
  t.ok(four! < single! / 2, `${four} of ${single}`)
  const [exact, eighths, halves] = play(16, [null, EIGHTHS, 2])
  t.ok(eighths! < 1.03 * exact!, `${eighths} and ${exact}`)
  t.ok(halves! > 1.1 * exact!, `${halves} and ${exact}: halves are too coarse`)
})
