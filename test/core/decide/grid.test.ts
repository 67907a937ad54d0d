import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import { vectors } from '../../test-data.js'

t.test('30 thresholds, equally spaced in log-odds from +7 to -2, safest first', async (t) => {
  t.equal(GRID.length, 30)
  for (const [k, threshold] of GRID.entries()) {
    t.ok(Math.abs(threshold - 1 / (1 + Math.exp(-(7 - 9 * k / 29)))) < 1e-15, `threshold ${k} is as the formula has it`)
    t.ok(k === 0 || threshold < GRID[k - 1]!, `threshold ${k} is looser than the one before`)
  }
})

t.test('the constants equal those of the vectors to the bit', async (t) => {
  t.strictSame(GRID, vectors('certificate').grid)
})
