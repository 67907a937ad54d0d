import t from 'tap'
import { figureNames, questionsFromRate, trainerNames, isTrainerState, describeMetrics, readTrainerState } from '../../../src/cli/import-run/trainer-metrics.js'

t.test('metrics of Trainer name a suite and a field', async (t) => {
  const read = trainerNames({})
  t.same(read('exact_match'), { suite: undefined, field: 'em' })
  t.same(read('math_500_exact_match_stderr'), { suite: 'math_500', field: 'em_stderr' })
  t.same(read('gsm8k_gen_len'), { suite: 'gsm8k', field: 'tokens_mean' })
  t.same(read('gsm8k_rewards/exact_match/mean'), { suite: 'gsm8k', field: 'em' })
  t.same(read('completions/mean_length'), { suite: undefined, field: 'tokens_mean' })
  for (const name of ['loss', 'rewards/exact_match/std', 'accuracy', 'constructor']) t.equal(read(name), null, name)
})

t.test('chosen metrics replace the usual ones', async (t) => {
  const read = trainerNames({ metric: 'acc.v2', tokensMetric: 'tok' })
  t.same(read('s_acc.v2'), { suite: 's', field: 'em' })
  t.same(read('rewards/acc.v2/mean'), { suite: undefined, field: 'em' })
  t.same(read('s_tok'), { suite: 's', field: 'tokens_mean' })
  for (const name of ['exact_match', 'em', 'accxv2', 'tokens_mean', 'gen_len']) t.equal(read(name), null, name)
  t.equal(figureNames({ metric: 'acc' }).get('acc_stderr'), 'em_stderr')
})

t.test('an ambiguous number of questions is not guessed', async (t) => {
  t.equal(questionsFromRate(169.9103, 58.855), 10_000)
  for (const [seconds, pace] of [[3600.1, 2.5], [undefined, 1], [0, 5]] as const) t.equal(questionsFromRate(seconds, pace), null)
})

const read = (log_history: Record<string, unknown>[], suite?: string) => readTrainerState('f', { log_history }, suite === undefined ? {} : { suite }).map(({ draft }) => draft)

t.test('evaluations are read by suite', async (t) => {
  t.ok(isTrainerState({ log_history: [] }))
  t.notOk(isTrainerState({ results: {} }))
  t.same(read([
    { epoch: 0.5, loss: 3.47, learning_rate: 1e-7, step: 100 },
    {
      epoch: 0.5,
      eval_loss: 2.64,
      eval_exact_match: 0.4,
      eval_gen_len: 812.4,
      eval_runtime: 169.9103,
      eval_samples_per_second: 58.855,
      eval_steps_per_second: 1.842,
      step: 100,
    },
    {
      epoch: 1,
      eval_gsm8k_exact_match: 0.5,
      eval_gsm8k_tokens_mean: 700,
      eval_gsm8k_samples: 1319,
      eval_math_500_em: 0.3,
      eval_math_500_tokens_mean: 900,
      eval_math_500_n: 500,
      eval_math_500_truncated_rate: 0.1,
      step: 200,
    },
    { train_runtime: 9.59, train_loss: 0.7, step: 200 },
  ], 'all'), [
    { suite: 'all', em: 0.4, tokens_mean: 812.4, n: 10_000, step: 100 },
    { suite: 'gsm8k', em: 0.5, tokens_mean: 700, n: 1319, step: 200 },
    { suite: 'math_500', em: 0.3, tokens_mean: 900, n: 500, truncated_rate: 0.1, step: 200 },
  ])
})

t.test('--n overrules a derived number of questions but not a recorded one', async (t) => {
  const log_history = [{ eval_em: 0.4, eval_runtime: 1, eval_samples_per_second: 10, eval_s_em: 0.4, eval_s_n: 5, step: 1 }]
  t.same(readTrainerState('f', { log_history }, { n: 7 }).map(({ draft }) => draft!.n), [7, 5])
})

t.test('an ambiguous number of questions is not guessed', async (t) => {
  t.same(read([{ eval_exact_match: 0.4, eval_runtime: 3600.1, eval_samples_per_second: 2.5, step: 1 }]), [{ suite: 'eval', em: 0.4, step: 1 }])
  t.same(read([{ eval_exact_match: 'NaN', step: 1 }]), [])
})

t.test('the GRPOTrainer of TRL is supported with a reward function exact_match', async (t) => {
  const figures = { 'eval_completions/mean_length': 1150, 'eval_completions/clipped_ratio': 0.02, 'eval_rewards/exact_match/mean': 0.58, 'eval_rewards/exact_match/std': 0.4, eval_reward: 1.9 }
  t.same(read([{ ...figures, eval_runtime: 61.2, eval_samples_per_second: 16.34, step: 100 }]), [{ suite: 'eval', em: 0.58, tokens_mean: 1150, truncated_rate: 0.02, n: 1000, step: 100 }])
})

t.test('a message can list the metrics in the file', async (t) => {
  t.equal(describeMetrics({ log_history: [{ loss: 1, step: 1 }] }), 'no evaluation in log_history')
  t.equal(describeMetrics({ log_history: [{ eval_acc: 1 }, { eval_loss: 1, eval_acc: 2 }] }), 'log_history has eval_acc, eval_loss')
})
