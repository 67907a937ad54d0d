import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { FullRun } from '../../test/simulation/service.js'

/**
 * Generations of real reasoning models with an answer forced every so many tokens, as `zhengkid/AutoTTS` and `zhengkid/Parallel-Probe`
 * publish them: a file `<model>/<set>.json` is a list of questions, and each of its generations is `[answers, tokens, final answer]`, where
 * `answers[i]` was forced after `(i + 1) * probe_freq` tokens. Neither repository has a licence, so their files are read where they are and
 * nothing of them is kept here.
 */
export interface Question {
  readonly gold_answer: string
  /** Tokens between two forced answers. */
  readonly probe_freq: number
  readonly each_branch: ReadonlyArray<readonly [answers: readonly string[], tokens: number, answer: string]>
}

/** The generations of one model on one set of questions. */
export interface Recording {
  readonly model: string
  readonly set: string
  /** Tokens between two forced answers. */
  readonly every: number
  /** The id of the group is the number of the question. A step without an answer has an empty one. */
  readonly runs: readonly FullRun[]
}

/** What files write where no answer was found. */
const NO_ANSWER = 'ERR'

/**
 * Reads all recordings in a folder and the folders below it. Other JSON files are passed over, and so are copies: the two repositories
 * share files.
 */
export function readRecordings (folder: string): Recording[] {
  const digests = new Set<string>()
  return filesIn(folder).flatMap((path) => {
    const text = readFileSync(path, 'utf8')
    const digest = createHash('sha256').update(text).digest('hex')
    const questions: unknown = JSON.parse(text)
    if (digests.has(digest) || !areQuestions(questions)) return []
    digests.add(digest)
    return [recordingOf(basename(dirname(path)), basename(path, '.json'), questions)]
  })
}

function filesIn (folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.json')).sort().map((name) => join(folder, name))
}

function areQuestions (value: unknown): value is Question[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => one != null && typeof one === 'object' && 'each_branch' in one && 'gold_answer' in one)
}

export function recordingOf (model: string, set: string, questions: readonly Question[]): Recording {
  const runs = questions.flatMap(({ gold_answer: gold, probe_freq: every, each_branch: branches }, question) =>
    branches.map(([answers, tokens, answer], i): FullRun => ({
      generation_id: `${question}-${i}`,
      group_id: String(question),
      context: { model, task: set },
      tokens,
      answer: normal(answer),
      em: isRight(answer, gold),
      steps: stepsOf(answers, gold, every).filter((step) => step.tokens < tokens),
    })))
  return { model, set, every: questions[0]!.probe_freq, runs }
}

function stepsOf (answers: readonly string[], gold: string, every: number): Array<FullRun['steps'][number]> {
  return answers.map((answer, i) => ({
    tokens: (i + 1) * every, confidence: null, answer: answer === NO_ANSWER ? '' : normal(answer), em: isRight(answer, gold),
  }))
}

const isRight = (answer: string, gold: string): 0 | 1 => normal(answer) === normal(gold) ? 1 : 0

/** Two spellings of one number stay two answers, in full runs and in forced answers alike. */
const normal = (answer: string): string => answer.replaceAll(/\s/g, '').replaceAll('\\dfrac', '\\frac')
