import t from 'tap'
import { numRuns } from '../../test/property.js'
import { playMix, type MixOptions } from './shifting-mix.js'
import { median } from './summary.js'

// A small run of what `npm run simulations mix` prints.

const OPTIONS: MixOptions = { control_rate: 0.5, before: 1500, after: 6000, hasMembers: true }
const SEEDS = Array.from({ length: numRuns(4, 8) }, (_, i) => i + 1)
const played = (options: Partial<MixOptions> = {}) => SEEDS.flatMap((seed) => playMix({ ...OPTIONS, ...options }, seed) ?? [])
const runs = played()

t.test('stopping soon ends in a member that loses 6 points and grows to 60 % of its pool, mostly because it leaves the pool', async (t) => {
  t.ok(runs.length >= SEEDS.length / 2, `${runs.length} of ${SEEDS.length} were certified, and the member was still there`)
  t.ok(median(runs.map(({ generations }) => generations)) < 2000, `half within ${median(runs.map(({ generations }) => generations))} generations`)
  t.ok(runs.filter(({ isAlone }) => isAlone).length > runs.length / 2)
})

t.test('without members of its own the pool has to find it', async (t) => {
  const alone = median(played({ hasMembers: false }).map(({ generations }) => generations))
  t.ok(alone > median(runs.map(({ generations }) => generations)), `${alone}`)
})
