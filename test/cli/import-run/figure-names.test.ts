import t from 'tap'
import { figureNames, samplesOf, trainerNames } from '../../../src/cli/import-run/figure-names.js'

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
  t.same([samplesOf(169.9103, 58.855), samplesOf(3600.1, 2.5), samplesOf(undefined, 1), samplesOf(0, 5)], [10_000, null, null, null])
})
