import t from 'tap'
import { isFirstSample } from '../../src/core/learn-evidence.js'
import { outcomeOf } from './memory-fold.js'

// The rules of evidence are in learn-outcome.test.ts and rules.test.ts, which learn whole outcomes; trials in learn-predictor.test.ts.

t.test('first samples', async (t) => {
  for (const [sample_index, is] of [[null, true], [0, true], [1, false], [-1, false]] as const) {
    t.equal(isFirstSample(outcomeOf({ sample_index })), is)
  }
})
