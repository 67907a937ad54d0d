import t from 'tap'
import { generationsToBreach } from './breach.js'

t.test('real stops that lose 10 points are detected although probes lose none', async (t) => {
  for (const seed of [1, 2]) {
    const generations = generationsToBreach('auto', seed)
    t.ok(generations !== null && generations < 40_000, `after ${generations} generations`)
  }
})
