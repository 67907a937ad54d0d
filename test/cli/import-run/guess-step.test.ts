import t from 'tap'
import { guessStep } from '../../../src/cli/import-run/guess-step.js'

t.test('a step is read from the name of a checkpoint', async (t) => {
  for (const [path, step, name] of [
    ['/shared/q-rl/checkpoint-1200', 1200, 'checkpoint-1200'],
    ['q-checkpoint-7', 7, 'checkpoint-7'],
    ['out/ckpt_500/results.json', 500, 'ckpt_500'],
    ['runs/global_step_300/actor/huggingface', 300, 'global_step_300'],
    ['runs/iter_0000500/results.json', 500, 'iter_0000500'],
    ['evals/step=700/results.json', 700, 'step=700'],
    ['epoch=3-step=700', 700, 'step=700'],
    ['step_500/', 500, 'step_500'],
    ['evals/ckpt-900_2026-01-31T12-00-00.123456.json', 900, 'ckpt-900'],
    ['evals/__shared__q-rl__checkpoint-1200/results_2026-01-31T12-00-00.123456.json', 1200, 'checkpoint-1200'],
    ['checkpoint-100/merged/checkpoint-200', 200, 'checkpoint-200'],
  ] as const) t.same(guessStep(path), { step, name }, path)
})

t.test('no step is read from names of models and from parts of words', async (t) => {
  for (const path of [
    'stepfun-ai/Step-3.5-Flash', 'stepfun-ai/step3', 'stepfun-ai/Step-3', 'evals/step-2-mini/results.json', 'checkpoint-500-merged',
    'results_2026-01-01.json', 'footstep_3', 'checkpoint', 'iter5', 'llama-3',
  ]) t.equal(guessStep(path), null, path)
})
