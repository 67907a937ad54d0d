import t from 'tap'
import { playNewMember } from './new-members.js'

// A small run of what `npm run simulations members` prints.

const SEEDS = [1, 2, 3]
const played = (drop: number, isRuled: boolean) => SEEDS.flatMap((seed) => playNewMember({ drop, isRuled, generations: 120 }, seed) ?? [])

t.test('a new member whose stops lose half of its answers serves no bad one, and one without losses is stopped after 30 generations', async (t) => {
  const bad = played(0.5, true)
  t.ok(bad.length > 0)
  for (const { left, stopped, lost } of bad) t.match({ isLeft: left <= 40, stopped, lost }, { isLeft: true, stopped: 0, lost: 0 })
  for (const { left, stopped } of played(0, true)) t.ok(left === Infinity && stopped > 0 && stopped <= 90)
})

t.test('without the rule it serves bad answers until its detector alarms', async (t) => {
  for (const { lost } of played(0.5, false)) t.ok(lost > 10, `${lost}`)
})
