import { fitPredictor } from '../../src/core/scores/fit-predictor.js'
import type { Sample } from '../../src/core/scores/sample.js'
import { contextKey } from '../../src/core/policy/context.js'
import { seededRandom, shuffle } from '../../src/cli/traces/seeded-random.js'
import type { FullRun } from '../../test/simulation/service.js'
import { table } from '../simulation/summary.js'
import { figuresOf, type Played } from '../compare/play.js'
import { askedBy, BUDGET, type Asked, confidenceOf, EQUAL_ANSWERS, playRecorded, pooled, type RecordedScore, streaksOf } from './play-recorded.js'
import type { Recording } from './recordings.js'

// Scores that might save more of large models on hard tasks. Each is tuned on half of the questions and judged on the other half.

export const IDEA_BOUND = 0.02
const PROBE_TOKENS = 20

/** An idea, with the settings from which the tuning half chooses one. A score is made anew for each play, since it may learn. */
export interface Idea {
  readonly name: string
  readonly settings: (tuning: Recording) => ReadonlyArray<() => RecordedScore>
}

/** How many of the last `k` forced answers equal the present one; an empty one equals none. */
function agreeing (k: number): () => RecordedScore {
  const counts = (answers: readonly string[]) => answers.map((answer, i) =>
    answer === '' ? 0 : answers.slice(Math.max(0, i + 1 - k), i + 1).filter((other) => other === answer).length)
  return () => ({
    name: `share of the last ${k}`, policy: {}, confidences: (asked) => counts(asked.map(({ answer }) => answer!)).map(confidenceOf),
  })
}

const FIRST_CHECKS = 4

/** Different answers among the first checks say how hard a prompt is. */
function firstAnswers (asked: Asked): Array<Record<string, number>> {
  const answers = asked.map(({ answer }) => answer!)
  return answers.map((_, i) => ({ different: new Set(answers.slice(0, Math.min(i + 1, FIRST_CHECKS))).size }))
}

/** The predictor of the service, with the answers of the first checks as a signal. */
function predicted (tuning: Recording): () => RecordedScore {
  const samples = tuning.runs.map((run): Sample => {
    const asked = askedBy(tuning, run)
    const [confidences, signals] = [EQUAL_ANSWERS.confidences(asked, run), firstAnswers(asked)]
    return {
      u: Number(run.group_id) / 1000,
      leaf: contextKey(['model', 'task'], run.context!),
      label: 'exact_match',
      tokens: run.tokens,
      steps: asked.map(({ tokens, em }, i) =>
        ({ tokens, confidence: confidences[i]!, signals: signals[i]!, lost: run.em === 1 && em === 0 ? 1 : 0 })),
    }
  }).filter(({ steps }) => steps.length > 0)
  const predictor = fitPredictor(samples, { name: 'first-checks', label: 'exact_match', levels: 'model,task' })
  if (predictor === null) return () => EQUAL_ANSWERS
  return () => ({ ...EQUAL_ANSWERS, name: 'predictor', policy: { score: predictor.name }, signals: firstAnswers, predictor })
}

/** Tokens after which all forced answers equal the final one. */
export function neededBy ({ steps, tokens, answer }: Pick<FullRun, 'steps' | 'tokens' | 'answer'>): number {
  const last = steps.findLastIndex((step) => step.answer !== answer)
  return steps[last + 1]?.tokens ?? tokens
}

/** The token count over what earlier control samples of this prompt needed: the most of the last `count`. */
function ofPrompt (count: number): () => RecordedScore {
  return () => {
    const needs = new Map<string, number[]>()
    return {
      name: `most of the last ${count} samples of the prompt`,
      policy: {},
      isKnownWithoutProbe: true,
      confidences: (asked, { group_id: question }) => {
        const known = needs.get(question!) ?? []
        if (known.length < count) return asked.map(() => 0)
        const need = Math.max(...known)
        return asked.map(({ tokens }) => tokens ** 2 / (tokens ** 2 + need ** 2)) // log-odds of 2 ln(tokens / need)
      },
      observe: (_, run) => needs.set(run.group_id!, [...needs.get(run.group_id!) ?? [], neededBy(run)].slice(-count)),
    }
  }
}

/** The higher of equal answers and the token count, which has a third of a threshold for each doubling from `from` on. */
function either (from: number): () => RecordedScore {
  return () => ({
    name: `equal answers or tokens from ${from}`,
    policy: {},
    confidences: (asked) => streaksOf(asked.map(({ answer }) => answer!)).map((streak, i) =>
      confidenceOf(Math.max(streak, Math.ceil(3 * Math.log2(asked[i]!.tokens / from))))),
  })
}

export const PRESENT: readonly Idea[] = [EQUAL_ANSWERS, BUDGET].map((score) => ({ name: score.name, settings: () => [() => score] }))

export const IDEAS: readonly Idea[] = [
  { name: 'share of the last answers', settings: () => [8, 12, 16, 24].map(agreeing) },
  { name: 'predictor with the first answers', settings: (tuning) => [predicted(tuning)] },
  { name: 'budget by prompt', settings: () => [4, 8, 16].map(ofPrompt) },
  { name: 'equal answers or budget', settings: () => [1000, 4000, 16_000].map(either) },
]

/** The setting that saves most in a play of the tuning half. */
function tuned (idea: Idea, tuning: Recording, generations: number): () => RecordedScore {
  const settings = idea.settings(tuning)
  if (settings.length === 1) return settings[0]!
  const saved = settings.map((make) => figuresOf(play(tuning, make(), generations, 1)).saved.mean)
  return settings[saved.indexOf(Math.max(...saved))]!
}

function play (recording: Recording, score: RecordedScore, generations: number, seed: number): readonly Played[] {
  return playRecorded(recording, { score, bound: IDEA_BOUND, probeTokens: PROBE_TOKENS, after: [generations] }, seed).sums[0]!
}

/** The questions in two random halves. */
export function halvesOf (recording: Recording, seed: number): [Recording, Recording] {
  const questions = shuffle(seededRandom(seed), [...new Set(recording.runs.map(({ group_id: question }) => question))])
  const first = new Set(questions.slice(0, Math.ceil(questions.length / 2)))
  const half = (isFirst: boolean) =>
    ({ ...recording, runs: recording.runs.filter(({ group_id: question }) => first.has(question) === isFirst) })
  return [half(true), half(false)]
}

export interface IdeaRow { readonly idea: string, readonly model: string, readonly set: string, readonly played: readonly Played[] }

/** Plays all ideas, and what there is, on both halves. @param generations of each play, and four times those of a play that tunes */
export function playIdeas (recording: Recording, seeds: readonly number[], generations = 20_000): IdeaRow[] {
  const { model, set } = recording
  return [...PRESENT, ...IDEAS].map((idea) => ({
    idea: idea.name,
    model,
    set,
    played: seeds.flatMap((seed) => {
      const [first, second] = halvesOf(recording, seed)
      return [[first, second], [second, first]].flatMap(([tuning, judged]) =>
        play(judged!, tuned(idea, tuning!, generations / 4)(), generations, seed))
    }),
  }))
}

/** A column for each model and set, and one for the mean of them: what is saved, and the EM lost. */
export function ideasTable (rows: readonly IdeaRow[]): string {
  const cells = [...new Set(rows.map(({ model, set }) => `${model}, ${set}`))]
  const of = (idea: string, cell: string) => pooled([rows.find((row) => row.idea === idea && `${row.model}, ${row.set}` === cell)!.played])
  const percent = (value: number) => (100 * value).toFixed(1)
  return table(['score', ...cells, 'mean'], [...new Set(rows.map(({ idea }) => idea))].map((idea) => {
    const figures = cells.map((cell) => of(idea, cell))
    const mean = figures.reduce((sum, { saved }) => sum + saved.mean, 0) / figures.length
    return [idea, ...figures.map(({ saved, drop }) => `${percent(saved.mean)}; ${percent(drop.mean)}`), percent(mean)]
  }))
}
