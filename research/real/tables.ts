import { percent, table } from '../simulation/summary.js'
import { figuresOf, type Figures } from '../compare/play.js'
import {
  BUDGET, EQUAL_ANSWERS, type InFull, inFull, playPublished, playRecorded, pooled, type RecordedScore,
} from './play-recorded.js'
import type { Recording } from './recordings.js'

export const BOUNDS = [0.01, 0.02, 0.05]
export const AFTER = [2000, 20_000]
const PUBLISHED = [3, 8]

/** What one score learns at one bound. */
export interface LearnedRow {
  readonly score: string
  readonly bound: number
  readonly probeTokens: number
  /** After each number of generations, over all seeds. */
  readonly figures: readonly Figures[]
  /** Of the first certificate, medians over seeds; `null`: there was none in most of them. */
  readonly first: { readonly generations: number, readonly control: number } | null
  /** In how many of the seeds more than the bound was lost after all generations. */
  readonly broken: number
  readonly seeds: number
}

export interface Row {
  readonly model: string
  readonly set: string
  readonly full: InFull
  readonly published: ReadonlyArray<{ readonly count: number, readonly figures: Figures }>
  readonly learned: readonly LearnedRow[]
}

export interface Settings {
  readonly seeds: readonly number[]
  readonly probeTokens: readonly number[]
  readonly bounds?: readonly number[]
  readonly after?: readonly number[]
  readonly scores?: readonly RecordedScore[]
}

/** The row of one model and set. */
export function rowOf (recording: Recording, settings: Settings): Row {
  const { probeTokens, bounds = BOUNDS, scores = [BUDGET, EQUAL_ANSWERS] } = settings
  const { model, set } = recording
  return {
    model,
    set,
    full: inFull(recording),
    published: PUBLISHED.map((count) => ({ count, figures: playPublished(recording, count, Math.max(...probeTokens)) })),
    learned: probeTokens.flatMap((tokens) =>
      scores.flatMap((score) => bounds.map((bound) => learnedRow(recording, score, bound, tokens, settings)))),
  }
}

function learnedRow (
  recording: Recording, score: RecordedScore, bound: number, probeTokens: number, { seeds, after = AFTER }: Settings
): LearnedRow {
  const plays = seeds.map((seed) => playRecorded(recording, { score, bound, probeTokens, after }, seed))
  const firsts = plays.flatMap(({ first }) => first ?? []).sort((a, b) => a.generations - b.generations)
  const isUsual = firsts.length * 2 > plays.length
  return {
    score: score.name,
    bound,
    probeTokens,
    figures: after.map((_, i) => pooled(plays.map(({ sums }) => sums[i]!))),
    first: isUsual ? firsts[Math.floor(plays.length / 2)] ?? firsts.at(-1)! : null,
    broken: plays.filter(({ sums }) => figuresOf(sums.at(-1)!).drop.mean > bound).length,
    seeds: seeds.length,
  }
}

/** One line for each model and set, with the score that saves most in the end at each bound. */
export function summaryTable (rows: readonly Row[], { bounds = BOUNDS, probeTokens }: Pick<Settings, 'bounds' | 'probeTokens'>): string {
  const most = Math.max(...probeTokens)
  const header = [
    'model', 'task', 'tokens', 'EM, %', 'tokens in wrong answers, %',
    ...bounds.map((bound) => `saved at ${100 * bound} point${bound === 0.01 ? '' : 's'}, %`), 'by', 'first certificate',
    ...PUBLISHED.map((count) => `${count} equal answers: saved, %; EM lost, points`),
  ]
  return table(header, rows.map(({ model, set, full, published, learned }) => {
    const best = bounds.map((bound) => bestOf(learned.filter((row) => row.bound === bound && row.probeTokens === most)))
    return [
      model, set, count(full.length), withInterval(full.em), percent(full.wrongTokens),
      ...best.map(({ figures }) => figures.map(({ saved }) => percent(saved.mean)).join(' / ')),
      [...new Set(best.map(({ score }) => score))].join(', '),
      best.map(({ first }) => first === null ? 'none' : count(first.generations)).join(' / '),
      ...published.map(({ figures }) => `${percent(figures.saved.mean)}; ${withInterval(figures.drop)}`),
    ]
  }))
}

function bestOf (rows: readonly LearnedRow[]): LearnedRow {
  return rows.reduce((a, b) => b.figures.at(-1)!.saved.mean > a.figures.at(-1)!.saved.mean ? b : a)
}

/** One line for each score, bound and size of probes. */
export function detailTable (rows: readonly Row[], after: readonly number[] = AFTER): string {
  const header = [
    'model', 'task', 'score', 'bound', 'probe', ...after.flatMap((n) => [`saved after ${count(n)}, %`, 'EM lost, points']),
    'first certificate: generations (control)', 'bound broken',
  ]
  return table(header, rows.flatMap(({ model, set, learned }) => learned.map((row) => [
    model, set, row.score, String(100 * row.bound), String(row.probeTokens),
    ...row.figures.flatMap(({ saved, drop }) => [withInterval(saved), withInterval(drop)]),
    row.first === null ? 'none' : `${count(row.first.generations)} (${count(row.first.control)})`,
    row.broken === 0 ? 'no' : `in ${row.broken} of ${row.seeds}`,
  ])))
}

const count = (value: number): string => Math.round(value).toLocaleString('en-GB')

function withInterval ({ mean, low, high }: Figures['saved']): string {
  return `${written(mean)} (${written(low)} to ${written(high)})`
}

const written = (value: number): string => percent(value).replace(/^-(0\.0)$/, '$1')
