import { createReadStream, existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { FileError } from '../command-line/command-error.js'
import { jsonOf } from './parse-json.js'
import type { TokenCounter } from './read-tokenizer.js'

/** The time in the name of a results file, which the files of its samples share. */
const TIME = /_(\d{4}-\d\d-\d\dT[\d.-]+)\.json$/

/**
 * The lengths of the answers of some tasks, counted in the samples that lm-evaluation-harness writes beside its results (`--log_samples`).
 * @throws FileError if the samples are not there, or hold no generated answers
 */
export async function sampleLengths (results: string, tasks: readonly string[], filter: string, countTokens: TokenCounter) {
  const [, time] = TIME.exec(basename(results)) ?? []
  const lengths: number[] = []
  for (const task of tasks) {
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
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    line++
    const sample = Object(jsonOf(text)) as { filter?: unknown, resps?: unknown }
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
