import t from 'tap'
import { Registry } from 'prom-client'
import type { TrainingRun } from '../../src/core/training/run.js'
import { watchTraining } from '../../src/metrics/training-metrics.js'

const runOf = (name: string, suites: number): TrainingRun => ({
  name,
  revision: 1,
  created_at: 0,
  updated_at: 0,
  suites: Array.from({ length: suites }, (_, i) => ({ suite: `s${i}`, steps: 1, replayed: 0, step: 10 + i, em: 0.5, tokens_mean: 99.5, verdicts: ['plateau', 'same_level'] as const })),
  contexts: [],
})

t.test('each named suite shows its newest checkpoint, and verdicts of the others are counted', async (t) => {
  const registry = new Registry()
  let runs = [runOf('a', 32), runOf('b', 32), runOf('c', 32), runOf('d', 32)]
  const read = watchTraining([registry], async () => runs)
  await read()
  const text = await registry.metrics()
  t.match(text, 'stopgate_training_em{run="a",suite="s0"} 0.5\n')
  t.match(text, 'stopgate_training_tokens_mean{run="a",suite="s0"} 99.5\n')
  t.match(text, 'stopgate_training_step{run="d",suite="s3"} 13\n')
  t.match(text, 'stopgate_training_verdict{run="a",suite="s0",verdict="plateau"} 1\n')
  t.match(text, 'stopgate_training_verdict{run="a",suite="s0",verdict="overthinking"} 0\n')
  t.match(text, 'stopgate_training_verdict{run="other",suite="other",verdict="plateau"} 28\n')
  t.equal(text.match(/^stopgate_training_em\{/gm)!.length, 100)
  runs = [runOf('a', 1)]
  await read()
  t.equal((await registry.metrics()).match(/^stopgate_training_em\{/gm)!.length, 1, 'what is gone is gone')
})
