import t from 'tap'
import { addToRuns, NO_RUNS, type Runs, sumOfRuns } from '../../../src/core/evidence/recent-runs.js'
import { mulberry32 } from '../../random.js'

const addedOneByOne = (units: number, isCounted: (i: number) => boolean, runs: Runs = NO_RUNS) =>
  Array.from({ length: units }, (_, i) => isCounted(i)).reduce<Runs>((sum, is) => addToRuns(sum, [1, is ? 1 : 0]), runs)

t.test('runs count the newest 1,024 units, less at most a quarter', async (t) => {
  const random = mulberry32(1)
  const counted: number[] = []
  let runs: Runs = NO_RUNS
  for (let i = 0; i < 5000; i++) {
    counted.push(random() < 0.1 ? 1 : 0)
    runs = addToRuns(runs, [1, counted.at(-1)!])
    const [units, count] = sumOfRuns(runs, 1)
    t.ok(units === counted.length || (units > 768 && units <= 1024), `${units} units`)
    t.equal(count, counted.slice(-units).reduce((sum, one) => sum + one, 0))
  }
})

t.test('a repaired worker is clear after 1,024 units, whatever came before', async (t) => {
  for (const bad of [1, 300, 1024, 50_000]) {
    const faulty = addedOneByOne(bad, () => true)
    t.ok(sumOfRuns(addedOneByOne(500, () => false, faulty), 1)[1]! > 0, `${bad} units, and half as many`)
    t.equal(sumOfRuns(addedOneByOne(1024, () => false, faulty), 1)[1], 0, `${bad} units`)
  }
})

t.test('many units at once are spread over the runs, and fractions add up', async (t) => {
  t.strictSame(sumOfRuns(NO_RUNS, 2), [0, 0, 0])
  t.equal(addToRuns(NO_RUNS, [0, 0]), NO_RUNS)
  const once = addToRuns(addToRuns(NO_RUNS, [100, 0]), [400, 200])
  t.strictSame(once, [[256, 78], [244, 122]])
  t.strictSame(sumOfRuns(addToRuns(once, [100_000, 50_000]), 1), [1012, 506], 'the older ones go')
  t.strictSame(addToRuns(addToRuns(NO_RUNS, [0.5, 0.5]), [0.25, 0]), [[0.75, 0.5]])
})
