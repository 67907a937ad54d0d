import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Hints } from '../../../src/cli/import-run/checkpoint-draft.js'
import { readTokenizer } from '../../../src/cli/import-run/sample-lengths.js'
import { RunFile } from '../../../src/cli/import-run/run-file.js'

/**
 * Written by `lm_eval --log_samples` 0.4.13 for two small tasks and a model of a few thousand parameters; fields that are not read were
 * removed. The model answers at random, so its exact match is 0.
 */
const FILES = 'test/cli/import-run/files'
const FOLDER = join(FILES, 'lm-eval', 'model__checkpoint-1200')
const TIME = '2026-11-26T18-06-24.657488'

async function read (name: string, hints: Hints = {}) {
  const notes: string[] = []
  const onNote = (note: string) => { notes.push(note.replace(`${FOLDER}/`, '')) }
  const found = await new RunFile(join(FOLDER, name), hints, { onNote, onProblem: ({ message }) => onNote(message) }).read(true)
  return { drafts: found.map(({ draft }) => draft), notes }
}

const EM = { suite: 'toy_em', step: 1200, em: 0, em_stderr: 0, n: 3, at: '2026-11-26T18:05:36.481Z' }

t.test('a task with exact match is read, and other tasks are named with their metrics', async (t) => {
  t.same(await read(`results_${TIME}.json`), {
    drafts: [EM],
    notes: [
      `results_${TIME}.json: toy_acc is left out: it has no exact_match, but acc,none; --metric chooses one`,
      `results_${TIME}.json: step 1200 is taken from checkpoint-1200 in its model's pretrained; --step overrules it`,
    ],
  })
  const { drafts, notes } = await read(`results_${TIME}.json`, { metric: 'acc' })
  t.match(drafts, [{ suite: 'toy_acc', em: 1, n: 3 }])
  t.match(notes[0], /toy_em is left out: it has no acc, but exact_match,strict-match, exact_match,flexible-extract;/)
})

t.test('lengths are counted in the samples beside the results', async (t) => {
  const countTokens = await readTokenizer(FILES)
  t.same((await read(`results_${TIME}.json`, { countTokens })).drafts, [{ ...EM, tokens_mean: 8, tokens_p50: 11, tokens_p95: 12 }], 'as the tokenizers library of Python counts them')
  const { drafts, notes } = await read(`results_${TIME}.json`, { countTokens, metric: 'acc', suite: 'toy_acc' })
  t.same(drafts, [])
  t.match(notes.join(), /samples_toy_acc_.*jsonl:1: no generated answer/)
})

t.test('a note says that messages of a chat server may lack the reasoning', async (t) => {
  const folder = t.testdir()
  const text = await readFile(join(FOLDER, `results_${TIME}.json`), 'utf8')
  await writeFile(join(folder, `results_${TIME}.json`), text.replace('"model": "hf"', '"model": "local-chat-completions"'))
  await copyFile(join(FOLDER, `samples_toy_em_${TIME}.jsonl`), join(folder, `samples_toy_em_${TIME}.jsonl`))
  const countTokens = await readTokenizer(FILES)
  const notesOf = async (hints: Hints) => {
    const notes: string[] = []
    const onNote = (note: string) => { notes.push(note) }
    const file = new RunFile(join(folder, `results_${TIME}.json`), hints, { onNote, onProblem: ({ message }) => onNote(message) })
    await file.read(true)
    return notes.join()
  }
  t.match(await notesOf({ countTokens }), /the messages from local-chat-completions\. If that server separates the reasoning/)
  t.notMatch(await notesOf({}), /separates the reasoning/)
})

t.test('a file of samples is refused with one message', async (t) => {
  for (const task of ['toy_em', 'toy_acc']) {
    const name = `samples_${task}_${TIME}.jsonl`
    t.same(await read(name), { drafts: [], notes: [`${name}: the single answers of lm-evaluation-harness (samples): give the results_*.json beside it`] })
  }
})
