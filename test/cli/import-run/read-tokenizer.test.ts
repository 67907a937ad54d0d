import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readTokenizer } from '../../../src/cli/import-run/read-tokenizer.js'
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
