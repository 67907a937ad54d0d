import t from 'tap'
import { numRuns } from '../../test/property.js'
import { train, TRAININGS, type Trained, type Training } from './rollouts.js'
import { mean as meanOf } from './summary.js'

const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1)
const mean = (runs: readonly Trained[], figure: (run: Trained) => number) => meanOf(runs.map(figure))
const played = (name: string, count: number, reports: 'continues' | 'epochs' = 'continues'): Trained[] =>
  seeds(count).map((seed) => train(TRAININGS[name] as Training, reports, 0.2, seed))

t.test('a policy that loses nothing is stopped through all of its training, and not if each checkpoint begins an epoch', async (t) => {
  const count = numRuns(1, 3)
  t.ok(mean(played('nothing is lost', count), ({ stopped }) => stopped) > 0.7)
  t.ok(mean(played('nothing is lost', count, 'epochs'), ({ stopped }) => stopped) < 0.05)
})

t.test('a policy that loses more than the bound is not stopped', async (t) => {
  const runs = played('two and a half points are lost', numRuns(2, 5))
  t.ok(mean(runs, ({ lost }) => lost) < 0.002)
  t.ok(mean(runs, ({ hasFalseCertificate }) => Number(hasFalseCertificate)) <= 0.2)
})

t.test('a training that begins to lose by stopping loses less than the bound in the mean, and the threshold is withdrawn', async (t) => {
  for (const name of ['sudden over-optimisation: 15 points from step 200', 'responses shorten to two fifths: 0 to 10 points in steps 150 to 250']) {
    const runs = played(name, numRuns(2, 5))
    t.ok(mean(runs, ({ lost }) => lost) < 0.02, name)
    t.ok(mean(runs, ({ withdrawn }) => withdrawn) >= 1, name)
  }
})
