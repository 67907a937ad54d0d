import t from 'tap'
import { sharedData } from '../shared-data.js'
import { playUnder, resampled } from './share.js'

// A small run of what `npm run simulations predictor` prints.

t.test('predictors save more inside the bound if there is enough traffic', async (t) => {
  const text = sharedData(t, 'TRACES_DIR', 'older-self-consistency.jsonl')
  if (text === null) return
  const runs = text.trimEnd().split('\n').map((line) => JSON.parse(line)).map((run) => ({ ...run, context: { task: run.context.task } }))
  const play = (predictor: 'off' | 'auto') => playUnder({ predictor }, ['task'], resampled(runs, 1, 20_000), 1)
  const [off, auto] = [play('off'), play('auto')]
  t.ok(auto.saved > off.saved + 0.02, `${(100 * auto.saved).toFixed(1)} % against ${(100 * off.saved).toFixed(1)} %`)
  t.ok(auto.lost <= 0.02, `${(100 * auto.lost).toFixed(2)} points lost`)
})
