import t, { type Test } from 'tap'
import { numRuns } from '../../test/property.js'
import { playNewMember } from './new-members.js'

// A small run of what `npm run simulations members` prints.

const SEEDS = [1, 2, 3].slice(0, numRuns(1, 3))
/** The runs of all seeds, in each of which the pool was certified before the member came. */
function played (t: Test, drop: number, isRuled: boolean) {
  const runs = SEEDS.flatMap((seed) => playNewMember({ drop, isRuled, generations: 120 }, seed) ?? [])
  t.equal(runs.length, SEEDS.length)
  return runs
}

t.test('a new member whose stops lose half of its answers serves no bad one; without losses it is stopped after ten', async (t) => {
  for (const { left, stopped, lost } of played(t, 0.5, true)) {
    t.match({ isLeft: left <= 40, stopped, lost }, { isLeft: true, stopped: 0, lost: 0 })
  }
  for (const { left, stopped } of played(t, 0, true)) t.ok(left === Infinity && stopped > 90 && stopped <= 110)
})

t.test('without the rule it serves bad answers until its detector alarms', async (t) => {
  for (const { lost } of played(t, 0.5, false)) t.ok(lost > 10, `${lost}`)
})
