import t from 'tap'
import { unitsOf } from '../../../src/core/stats/certificate.js'
import { sumDifferences } from '../../../src/core/stats/difference-sums.js'
import { vectors } from '../../test-data.js'
import { addNewest, isHealed, type NewestUnits, NO_NEWEST, windowOf } from '../../../src/core/evidence/newest-units.js'

const BAR = Math.log(20)

/** A slice of units that lose, at each of two thresholds. */
function slice (generations: number, lost = [0, 0]) { return { generations, lost, gained: [0, 0] } }

t.test('the window has 1.4 times the lossless units of a first certificate', async (t) => {
  t.equal(windowOf(0.02, BAR), Math.ceil(1.4 * 186))
  t.equal(windowOf(0.05, BAR), Math.ceil(1.4 * 73))
})

t.test('the window has the newest units, at most a run more than it takes, in a few sums', async (t) => {
  let newest: NewestUnits = NO_NEWEST
  for (let n = 1; n <= 1000; n++) {
    newest = addNewest(newest, slice(1, n <= 500 ? [1, 1] : [0, 0]), 0, 100)
    t.ok(newest.runs.length <= 17, `${newest.runs.length} runs`)
    const units = newest.runs.reduce((sum, run) => sum + unitsOf(run), 0)
    if (n < 100 ? units !== n : units < 100 || units > 107) t.fail(`${units} units of ${n}`)
  }
})

t.test('large slices stay whole', async (t) => {
  const newest = addNewest(addNewest(NO_NEWEST, slice(300, [0, 2]), 1, 100), slice(500, [0, 1]), 1, 100)
  t.strictSame(newest, { threshold: 1, runs: [{ lost: 1, kept: 499, gained: 0 }] })
})

t.test('at another threshold the window begins again', async (t) => {
  const newest = addNewest(NO_NEWEST, slice(80, [0, 3]), 0, 100)
  t.strictSame(addNewest(newest, slice(40, [0, 2]), 1, 100), { threshold: 1, runs: [{ lost: 2, kept: 38, gained: 0 }] })
})

interface Recovery {
  readonly name: string
  readonly units: ReadonlyArray<readonly number[]>
  readonly saves: readonly boolean[]
  readonly certified: number
  readonly max_em_drop: number
  readonly error_level: number
  readonly recovered: boolean
}

t.test('spoilt evidence is healed where that of the reference has recovered', async (t) => {
  const cases: readonly Recovery[] = vectors('evidence').recovery
  t.ok(cases.length > 3)
  for (const { name, units, saves, certified, max_em_drop: a, error_level: level, recovered } of cases) {
    const logBar = Math.log(1 / level)
    const all = units.map((lost) => ({ generations: 1, lost, gained: [0, 0, 0] }))
    let newest = NO_NEWEST
    for (const unit of all) newest = addNewest(newest, unit, certified + 1, windowOf(a, logBar))
    t.equal(isHealed(newest, sumDifferences(all, 3), a, logBar) && !saves.slice(0, certified + 1).includes(true), recovered, name)
  }
})
