import t from 'tap'
import { train, TRAININGS, type Trained, type Training } from './rollouts.js'
import { mean as meanOf } from './summary.js'

const mean = (seeds: number, one: (seed: number) => number) => meanOf(Array.from({ length: seeds }, (_, i) => one(i + 1)))
const played = (name: string, seed: number, reports: 'continues' | 'epochs' = 'continues'): Trained => train(TRAININGS[name] as Training, reports, 0.2, seed)

t.test('a policy that loses nothing is stopped through all of its training, and not if each checkpoint begins an epoch', async (t) => {
  t.ok(mean(3, (seed) => played('nothing is lost', seed).stopped) > 0.7)
  t.ok(mean(3, (seed) => played('nothing is lost', seed, 'epochs').stopped) < 0.05)
})

t.test('a policy that loses more than the bound is not stopped', async (t) => {
  t.ok(mean(5, (seed) => played('two and a half points are lost', seed).lost) < 0.002)
  t.ok(mean(5, (seed) => Number(played('two and a half points are lost', seed).hasFalseCertificate)) <= 0.2)
})

t.test('a training that begins to lose by stopping loses less than the bound in the mean, and the threshold is withdrawn', async (t) => {
  for (const name of ['sudden over-optimisation: 15 points from step 200', 'responses shorten to two fifths: 0 to 10 points in steps 150 to 250']) {
    t.ok(mean(5, (seed) => played(name, seed).lost) < 0.02, name)
    t.ok(mean(5, (seed) => played(name, seed).withdrawn) >= 1, name)
  }
})
