import { readFile, stat } from 'node:fs/promises'
import { join, basename, dirname } from 'node:path'
import { createReadStream, existsSync } from 'node:fs'
import { Tokenizer } from '@huggingface/tokenizers'
import { FileError } from '../command-line/command-error.js'
import { linesOf } from '../command-line/lines-of.js'
import { tryParseJson } from './file-formats.js'

/** The number of tokens of a generated text. */
export type TokenCounter = (text: string) => number

/**
 * A counter for the tokenizer of a Hugging Face `tokenizer.json`, or of the folder with one.
 * @throws FileError
 */
export async function readTokenizer (path: string): Promise<TokenCounter> {
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'tokenizer.json') : path
    const tokenizer = new Tokenizer(JSON.parse(await readFile(file, 'utf8')), {})
    return (text) => tokenizer.encode(text, { add_special_tokens: false }).ids.length
  } catch (error) {
    throw new FileError(`${path}: not the tokenizer.json of a Hugging Face tokenizer: ${(error as Error).message}`)
  }
}

/** The time in the name of a results file, which the files of its samples share. */
const TIME = /_(\d{4}-\d\d-\d\dT[\d.-]+)\.json$/

/**
 * The lengths of the answers of some tasks, counted in the samples that lm-evaluation-harness writes beside its results (`--log_samples`).
 * @throws FileError if the samples are not there, or hold no generated answers
 */
export async function sampleLengths (results: string, tasks: readonly string[], filter: string, countTokens: TokenCounter) {
  const [, time] = TIME.exec(basename(results)) ?? []
  if (tasks.length === 0) throw new FileError(`${results}: a group that lists only itself has no answers`)
  const lengths: number[] = []
  for (const task of tasks) {
    if (basename(task) !== task) throw new FileError(`${results}: ${JSON.stringify(task)} is no name of a task: it has a slash, and would name a file elsewhere`)
    const path = join(dirname(results), `samples_${task}_${time ?? '<time>'}.jsonl`)
    if (time === undefined || !existsSync(path)) {
      throw new FileError(`${results}: ${basename(path)} is not beside it, so its tokens cannot be counted: evaluate with --log_samples`)
    }
    lengths.push(...await lengthsIn(path, filter, countTokens))
  }
  lengths.sort((a, b) => a - b)
  const quantile = (share: number) => lengths[Math.ceil(share * lengths.length) - 1]!
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
  return { tokens_mean: mean, tokens_p50: quantile(0.5), tokens_p95: quantile(0.95) }
}

/** The lengths in one file, which has each answer once a filter. */
async function lengthsIn (path: string, filter: string, countTokens: TokenCounter): Promise<number[]> {
  const lengths: number[] = []
  let line = 0
  for await (const text of linesOf(createReadStream(path))) {
    line++
    const sample = Object(tryParseJson(text)) as { filter?: unknown, resps?: unknown }
    if (sample.filter !== filter) continue
    const answers: unknown[] = [sample.resps].flat(2)
    if (!answers.every((answer) => typeof answer === 'string')) {
      throw new FileError(`${path}:${line}: no generated answer: the task scores given ones, which have no length`)
    }
    lengths.push(...answers.map(countTokens))
  }
  if (lengths.length === 0) throw new FileError(`${path}: no answers of the filter ${filter}`)
  return lengths
}
