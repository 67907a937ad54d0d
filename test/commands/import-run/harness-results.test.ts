import t from 'tap'
import { isHarnessResults, readHarnessResults } from '../../../src/commands/import-run/harness-results.js'

/** As lm-evaluation-harness 0.4 writes it; the figures of gsm8k are of a published file (500 questions), without its other parts. */
const RESULTS = {
  results: {
    gsm8k: { alias: 'gsm8k', 'exact_match,strict-match': 0.844, 'exact_match_stderr,strict-match': 0.016243636028391094, 'exact_match,flexible-extract': 0.892, 'exact_match_stderr,flexible-extract': 0.013894535480989173 },
    drop: { alias: 'drop', 'f1,none': 0.5 },
    own: { 'exact_match,get-answer': 0.1, 'exact_match_stderr,get-answer': 'N/A', 'tokens_mean,none': 321.5 },
  },
  'n-samples': { own: { original: 100, effective: 50 } },
  config: { model: 'hf', model_args: 'pretrained=/shared/q-rl/checkpoint-1200,dtype=bfloat16' },
  date: 1769860800.5,
}

t.test('each task has its exact match, strict first, and its number of questions, given or derived', async (t) => {
  t.ok(isHarnessResults(RESULTS))
  t.notOk(isHarnessResults({ log_history: [] }) || isHarnessResults(null))
  t.same(readHarnessResults('f', RESULTS, {}).map(({ draft }) => draft), [
    { suite: 'gsm8k', em: 0.844, step: 1200, em_stderr: 0.016243636028391094, n: 500, at: '2026-01-31T12:00:00.500Z' },
    { suite: 'own', em: 0.1, step: 1200, n: 50, tokens_mean: 321.5, at: '2026-01-31T12:00:00.500Z' },
  ])
  t.match(readHarnessResults('f', RESULTS, { filter: 'flexible-extract' }), [{ draft: { suite: 'gsm8k', em: 0.892, n: 500 } }])
})

t.test('the step is read from the name of the model or the path', async (t) => {
  const { config: _, ...rest } = RESULTS
  const stepIn = (file: string, more: object = {}) => readHarnessResults(file, { ...rest, ...more }, {})[0]!.draft?.step
  t.equal(stepIn('runs/global_step_300/results_2026.json'), 300)
  t.equal(stepIn('runs/iter_0000500/results.json'), 500)
  t.equal(stepIn('results.json', { model_name: 'q-checkpoint-7' }), 7)
  t.equal(stepIn('results.json', { config: { model_args: { pretrained: 'a/step-8' } } }), 8)
  t.equal(stepIn('evals/step=700/results.json'), 700)
  t.equal(stepIn('evals/ckpt-900_2026-01-31T12-00-00.123456.json'), 900)
  t.equal(stepIn('results_2026-01-01.json'), undefined)
})

t.test('flags overrule guesses but not counts', async (t) => {
  t.match(readHarnessResults('f', RESULTS, { step: 7, n: 480 }), [{ draft: { suite: 'gsm8k', step: 7, n: 480 } }, { draft: { suite: 'own', step: 7, n: 50 } }])
})

t.test('a group has the questions of its tasks, which may be groups', async (t) => {
  const em = { 'exact_match,get-answer': 0.6, 'exact_match_stderr,get-answer': 0.0055 }
  const json = {
    results: { all: em, bbh: em, bbh_a: em, bbh_b: em, torn: em, loop: em },
    group_subtasks: { all: ['bbh', 'bbh_a'], bbh: ['bbh_a', 'bbh_b'], torn: ['bbh_a', 'gone'], loop: ['loop'], bbh_a: [] },
    'n-samples': { bbh_a: { original: 250, effective: 250 }, bbh_b: { original: 250, effective: 200 } },
  }
  const found = readHarnessResults('f', json, {}).map(({ draft }) => [draft!.suite, draft!.n])
  t.same(found, [['all', 700], ['bbh', 450], ['bbh_a', 250], ['bbh_b', 200], ['torn', 7935], ['loop', 7935]], 'else as its standard error says')
})

t.test('an invalid date is left out', async (t) => {
  for (const date of [1e300, -1, 1769860800500, 'today']) t.notOk('at' in readHarnessResults('f', { ...RESULTS, date }, {})[0]!.draft!, String(date))
})
