import t from 'tap'
import { playUnder, readTraceRuns, resampled } from './share.js'

// A small run of what `npm run simulations predictor` prints.

t.test('predictors save more inside the bound if there is enough traffic', async (t) => {
  const runs = readTraceRuns('older-self-consistency', ['task'])
  const play = (predictor: 'off' | 'auto') => playUnder({ predictor }, ['task'], resampled(runs, 1, 20_000), 1)
  const [off, auto] = [play('off'), play('auto')]
  t.ok(auto.saved > off.saved + 0.02, `${(100 * auto.saved).toFixed(1)} % against ${(100 * off.saved).toFixed(1)} %`)
  t.ok(auto.lost <= 0.02, `${(100 * auto.lost).toFixed(2)} points lost`)
})
