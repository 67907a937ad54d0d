import { join } from 'node:path'
import t from 'tap'
import type { Draft, Hints } from '../../../src/cli/import-run/checkpoint-draft.js'
import { RunFile } from '../../../src/cli/import-run/run-file.js'

/** Written by transformers 5.24 and TRL 1.16; fields that are not read were removed. The file of verl has its calls of the same writer. */
const FOLDER = 'test/cli/import-run/files'

async function read (name: string, hints: Hints = {}) {
  const notes: string[] = []
  const onNote = (note: string) => { notes.push(note) }
  const file = new RunFile(join(FOLDER, name), hints, { onNote, onProblem: ({ message }) => onNote(message) })
  const drafts = (await file.read(true)).map(({ draft }) => ({ ...draft }))
  for (const draft of drafts) delete draft.at
  return { drafts, notes }
}

const GRPO = [
  { suite: 'gsm8k', step: 1, em: 0.5, tokens_mean: 4.375, truncated_rate: 0.5, n: 4 },
  { suite: 'math_500', step: 1, em: 0.25, tokens_mean: 4.75, truncated_rate: 0.5, n: 2 },
  { suite: 'gsm8k', step: 2, em: 0.375, tokens_mean: 5, truncated_rate: 0.75, n: 4 },
  { suite: 'math_500', step: 2, em: 0.5, tokens_mean: 3.25, truncated_rate: 0.25, n: 2 },
]
const byStep = (drafts: readonly Draft[]) => drafts.toSorted((a, b) => a.step! - b.step! || a.suite!.localeCompare(b.suite!))

t.test('each evaluation set of a GRPOTrainer is a suite in both of its logs', async (t) => {
  for (const name of ['grpo-dict.json', 'events.out.tfevents.grpo-dict']) {
    const { drafts, notes } = await read(name)
    t.same(byStep(drafts), GRPO, name)
    t.same(notes, [])
  }
})

t.test('--suite selects one evaluation set of a file, and the others are reported', async (t) => {
  for (const name of ['grpo-dict.json', 'events.out.tfevents.grpo-dict']) {
    const { drafts, notes } = await read(name, { suite: 'gsm8k' })
    t.same(byStep(drafts), GRPO.filter(({ suite }) => suite === 'gsm8k'), name)
    t.same([...new Set(notes)], [`${FOLDER}/${name}: math_500 is left out, since --suite names gsm8k`])
  }
})

t.test('--suite names a single evaluation set', async (t) => {
  for (const name of ['grpo-one.json', 'events.out.tfevents.grpo-one', 'trainer-one.json', 'events.out.tfevents.trainer-one']) {
    const { drafts, notes } = await read(name, { suite: 'gsm8k' })
    t.same(drafts.map(({ suite, step }) => [suite, step]), [['gsm8k', 1], ['gsm8k', 2]], name)
    t.ok(drafts.every(({ em, tokens_mean: tokens, n }) => em !== undefined && tokens! > 0 && n! > 0))
    t.same(notes, [])
    t.same((await read(name)).drafts.map(({ suite }) => suite), ['eval', 'eval'], 'called eval by default')
  }
})

t.test('both logs of a training run have the same figures, so the service counts them once', async (t) => {
  for (const name of ['grpo-dict', 'grpo-one', 'trainer-dict', 'trainer-one']) {
    t.same(byStep((await read(`${name}.json`)).drafts), byStep((await read(`events.out.tfevents.${name}`)).drafts), name)
  }
})

t.test('validations of verl are read by data source, with the length from --tokens-metric', async (t) => {
  const expected = [{ suite: 'math', step: 0, em: 0.25 }, { suite: 'openai/gsm8k', step: 0, em: 0.5 }, { suite: 'math', step: 10, em: 0.375 }, { suite: 'openai/gsm8k', step: 10, em: 0.625 }]
  t.same(byStep((await read('events.out.tfevents.verl')).drafts), expected)
  const { drafts } = await read('events.out.tfevents.verl', { tokensMetric: 'response_length/mean' })
  t.same(byStep(drafts), expected.map((draft) => ({ ...draft, ...(draft.step === 10 && { tokens_mean: 212.5 }) })))
})

t.test('a message lists the metrics of a file from which nothing is read', async (t) => {
  t.match((await read('events.out.tfevents.verl', { metric: 'exact_match' })).notes, [
    'no exact_match of an evaluation in there: its tags are val-aux/openai/gsm8k/reward/mean@1, val-core/math/acc/mean@1, val-core/openai/gsm8k/acc/mean@1, actor/entropy, response_length/mean'])
  t.match((await read('trainer-one.json', { metric: 'acc' })).notes, ['no acc of an evaluation in there: log_history has eval_exact_match, eval_loss, eval_n, '])
  t.same((await read('trainer-one.json', { metric: 'loss' })).drafts.map(({ em }) => Math.round(em!)), [6, 6], 'another metric is chosen')
})
