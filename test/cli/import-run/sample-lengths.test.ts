import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readTokenizer, sampleLengths } from '../../../src/cli/import-run/sample-lengths.js'
import { temporaryFolder } from '../../helper.js'

/** A byte-level BPE with the pattern of Qwen's and Llama's tokenizers and two added tokens, trained with `tokenizers` 0.23. */
const FOLDER = 'test/cli/import-run/files'

t.test('counts agree with the tokenizers library of Python, special tokens around the text excluded', async (t) => {
  const count = await readTokenizer(join(FOLDER, 'tokenizer.json'))
  for (const [text, tokens] of [
    ['The answer is 42.\n\nSo 7*6=42, and #### 42', 18],
    ['<think>Let me see… 3+4=7</think>\n7', 15],
    ['Unseen words: 12345 再見!\n\n\n  end', 34],
    ['', 0],
  ] as const) t.equal(count(text), tokens, text)
  t.equal((await readTokenizer(FOLDER))('So'), 1, 'from a folder')
})

t.test('a file that is not a tokenizer is refused', async (t) => {
  const path = join(await temporaryFolder(t), 'f')
  await t.rejects(readTokenizer(path), { name: 'FileError', message: /f: not the tokenizer.json of a Hugging Face tokenizer: ENOENT/ })
  for (const text of ['{}', 'vocabulary']) {
    await writeFile(path, text)
    await t.rejects(readTokenizer(path), { name: 'FileError', message: /not the tokenizer.json/ })
  }
})

const TIME = '2026-01-31T12-00-00.123456'
const countTokens = (text: string) => text.length

/** A line as lm-evaluation-harness 0.4.13 writes it: one for each document and filter. */
const sample = (filter: string, ...answers: unknown[]) => `${JSON.stringify({ doc_id: 0, doc: {}, target: '5', arguments: {}, resps: [answers], filtered_resps: ['5'], filter, metrics: ['exact_match'], exact_match: 1 })}\n`

t.test('each answer of each task counts once, whatever the number of filters', async (t) => {
  const folder = await temporaryFolder(t)
  const answers = ['a', 'bb', 'ccc', 'dddd']
  await writeFile(join(folder, `samples_x_${TIME}.jsonl`), answers.map((answer) => sample('strict-match', answer) + sample('flexible-extract', answer)).join(''))
  await writeFile(join(folder, `samples_y_${TIME}.jsonl`), sample('strict-match', 'e'.repeat(30), 'f'.repeat(20)))
  const results = join(folder, `results_${TIME}.json`)
  t.same(await sampleLengths(results, ['x'], 'strict-match', countTokens), { tokens_mean: 2.5, tokens_p50: 2, tokens_p95: 4 })
  t.same(await sampleLengths(join(folder, `named_${TIME}.json`), ['x', 'y'], 'strict-match', countTokens), { tokens_mean: 10, tokens_p50: 3, tokens_p95: 30 })
})

t.test('missing samples, samples of other filters and samples without generated answers are refused', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, `samples_x_${TIME}.jsonl`), sample('none', ['-1.5', 'False']))
  const refuses = (results: string, task: string, filter: string, message: RegExp) => t.rejects(sampleLengths(join(folder, results), [task], filter, countTokens), { name: 'FileError', message })
  await refuses(`results_${TIME}.json`, 'y', 'none', /samples_y_2026-01-31T12-00-00.123456.jsonl is not beside it.*--log_samples/)
  await mkdir(join(folder, 'samples_x'))
  await writeFile(join(folder, `other_${TIME}.jsonl`), sample('none', 'a'))
  await refuses(`results_${TIME}.json`, 'x/../other', 'none', /"x\/..\/other" is no name of a task/)
  await refuses('results.json', 'x', 'none', /samples_x_<time>.jsonl is not beside it/)
  await refuses(`results_${TIME}.json`, 'x', 'other', /no answers of the filter other/)
  await refuses(`results_${TIME}.json`, 'x', 'none', /jsonl:1: no generated answer/)
})
