import t from 'tap'
import type { Hints } from '../../../src/cli/import-run/checkpoint-draft.js'
import { isHarnessResults, readHarnessResults, guessStep, type HarnessResults } from '../../../src/cli/import-run/harness-results.js'

/** As lm-evaluation-harness 0.4 writes it; the figures of gsm8k come from a published file (500 questions). */
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

const notes: string[] = []
const onNote = (note: string) => { notes.push(note) }
const listener = { onNote, onProblem: ({ message }: Error) => onNote(message) }

async function read (file: string, json: object, hints: Hints = {}) {
  notes.length = 0
  t.ok(isHarnessResults(json))
  return (await readHarnessResults(file, json as HarnessResults, hints, listener)).map(({ draft }) => draft!)
}

t.test('each task is read with its strictest exact match and its recorded or derived number of questions', async (t) => {
  t.notOk(isHarnessResults({ log_history: [] }) || isHarnessResults(null))
  t.same(await read('f', RESULTS), [
    { suite: 'gsm8k', em: 0.844, step: 1200, em_stderr: 0.016243636028391094, n: 500, at: '2026-01-31T12:00:00.500Z' },
    { suite: 'own', em: 0.1, step: 1200, n: 50, tokens_mean: 321.5, at: '2026-01-31T12:00:00.500Z' },
  ])
  t.same(notes, [
    'f: drop is left out: it has no exact_match, but f1,none; --metric chooses one',
    "f: step 1200 is taken from checkpoint-1200 in its model's pretrained; --step overrules it",
  ])
})

t.test('a filter and a metric can be chosen, and tasks without them are reported', async (t) => {
  t.match(await read('f', RESULTS, { filter: 'flexible-extract', step: 1 }), [{ suite: 'gsm8k', em: 0.892, n: 500 }])
  t.same(notes, ['f: drop is left out: it has no exact_match, but f1,none; --metric chooses one', 'f: own is left out: its exact_match has no filter flexible-extract, but get-answer'])
  t.match(await read('f', RESULTS, { metric: 'f1', step: 1 }), [{ suite: 'drop', em: 0.5 }])
  t.match(notes, [/^f: gsm8k is left out: it has no f1, but exact_match,strict-match, exact_match,flexible-extract;/, /^f: own is/])
  t.same(await read('f', RESULTS, { suite: 'own', step: 1, tokensMetric: 'length' }), [{ suite: 'gsm8k' }, { suite: 'drop' }, { suite: 'own', em: 0.1, n: 50, at: '2026-01-31T12:00:00.500Z' }], 'other suites are left out at a later stage')
  t.match(await read('f', { results: { a: { 'exact_match,none': 0.5, 'length,none': 7 }, heading: { alias: ' - a' } } }, { tokensMetric: 'length' }), [{ tokens_mean: 7 }])
  t.same(notes, [])
})

t.test('an evaluation that was stopped early states which figures are estimates', async (t) => {
  const em = { 'exact_match,none': 0.8, 'exact_match_stderr,none': 0.02, 'exact_match_stopped,none': 0.79 }
  const limits = { 'exact_match_estimate_low,none': 0.78, 'exact_match_estimate_high,none': 0.81 }
  const tokens = { 'tokens_mean,none': 100, 'tokens_spent_mean,none': 60, 'tokens_saved_ratio,none': 0.4, 'stop_rate,none': 0.5 }
  t.same(await read('f', { results: { a: { ...em, ...limits, ...tokens } }, 'n-samples': { a: { effective: 50 } } }, { step: 1 }), [{
    suite: 'a', em: 0.8, em_stderr: 0.02, em_estimate_low: 0.78, em_estimate_high: 0.81, n: 50, tokens_mean: 100, tokens_spent_mean: 60, stop_rate: 0.5,
  }])
})

t.test('the step is read from the name of the model or the path, or not at all', async (t) => {
  const { config: _, ...rest } = RESULTS
  const stepIn = async (file: string, more: object = {}) => (await read(file, { ...rest, ...more }))[0]!.step
  t.equal(await stepIn('runs/global_step_300/results_2026.json'), 300)
  t.match(notes.at(-1), /step 300 is taken from global_step_300 in its path/)
  t.equal(await stepIn('results.json', { model_name: 'q-checkpoint-7' }), 7)
  t.equal(await stepIn('results.json', { config: { model_args: { pretrained: 'base', peft: 'a/checkpoint-8', tokenizer: 'b/checkpoint-9' } } }), 8)
  for (const pretrained of ['stepfun-ai/Step-3.5-Flash', 'q/step-2-mini']) {
    t.equal(await stepIn('step-2-mini/results.json', { config: { model_args: `dtype=auto,pretrained=${pretrained}` } }), undefined, pretrained)
  }
})

t.test('flags overrule guesses but not counts', async (t) => {
  t.same((await read('f', RESULTS, { step: 7, n: 480 })).map(({ step, n }) => [step, n]), [[undefined, 480], [undefined, 50]], 'the step is filled in at a later stage')
})

t.test('tokens are not counted if the harness removed the reasoning from the answers', async (t) => {
  const json = { ...RESULTS, config: { model_args: { pretrained: 'q', think_end_token: '</think>' } } }
  t.same((await read('f', json, { countTokens: () => 1, step: 1 })).map(({ suite }) => suite), ['own'], 'its tokens are recorded')
  t.match(notes[0], /^f: the answers of gsm8k cannot be counted.*think_end_token/)
})

t.test('a group has the questions of its tasks and of the groups within it', async (t) => {
  const em = { 'exact_match,get-answer': 0.6, 'exact_match_stderr,get-answer': 0.0055 }
  const json = {
    results: { all: em, bbh: em, bbh_a: em, bbh_b: em, torn: em, loop: em },
    group_subtasks: { all: ['bbh', 'bbh_a'], bbh: ['bbh_a', 'bbh_b'], torn: ['bbh_a', 'gone'], loop: ['loop'], bbh_a: [] },
    'n-samples': { bbh_a: { original: 250, effective: 250 }, bbh_b: { original: 250, effective: 200 } },
  }
  const found = (await read('f', json)).map(({ suite, n }) => [suite, n])
  t.same(found, [['all', 700], ['bbh', 450], ['bbh_a', 250], ['bbh_b', 200], ['torn', 7935], ['loop', 7935]], 'derived from the standard error otherwise')
})

t.test('groups that list each other many times are counted once', async (t) => {
  const groups = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`g${i}`, Array(100).fill(`g${i + 1}`)]))
  const json = { results: { g0: RESULTS.results.gsm8k! }, group_subtasks: groups, 'n-samples': { g9: { effective: 2 } } }
  t.match(await read('f', json), [{ suite: 'g0', n: 2e18 }])
})

t.test('an invalid date is left out', async (t) => {
  for (const date of [1e300, -1, 1769860800500, 'today']) t.notOk('at' in (await read('f', { ...RESULTS, date }))[0]!, String(date))
})

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
