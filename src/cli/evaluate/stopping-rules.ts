import { ranInFull, stoppedAt, type Ending, type RecordedRun, type RunStep } from '../traces/recorded-run.js'
import { chainOf } from '../../core/policy/index.js'
import {
  addTrace, certifiedIndex, type Evidence, noEvidence, type Stop, stopsOf, tokensSavedRatio, type Trace,
} from '../../core/stats/index.js'
import { GRID, type Scorer, scoreStep } from '../../core/decide/index.js'
import { type Predictor, scorerFor } from '../../core/scores/index.js'

/** A way to stop that does not learn. */
export interface PlainRule { readonly name: string, readonly end: (run: RecordedRun) => Ending }

const STREAK = 'answer_streak'

/** Stops at the first step that completes `times` steps in a row that satisfy a condition. */
function patient (times: number, holds: (step: RunStep) => boolean): PlainRule['end'] {
  return (run) => {
    let row = 0
    const step = run.steps.find((step) => (row = holds(step) ? row + 1 : 0) === times)
    return step === undefined ? ranInFull(run) : stoppedAt(run, step)
  }
}

const isSure = (least: number) => ({ confidence }: RunStep) => confidence !== null && confidence >= least

/**
 * Rules of thumb: a fixed threshold, or patience (Zhou et al. 2020, "BERT loses patience"): high confidence, or the same probed answer,
 * several steps in a row. Rules for answers need traces with the signal answer_streak.
 */
export function plainRules (runs: readonly RecordedRun[]): PlainRule[] {
  const fixed = [0.9, 0.95].map((least) => ({ name: `confidence >= ${least.toFixed(2)}`, end: patient(1, isSure(least)) }))
  const sure = [2, 3].map((times) => ({ name: `confidence >= 0.90, ${times} times`, end: patient(times, isSure(0.9)) }))
  const hasStreaks = runs.some(({ steps }) => steps.some(({ signals }) => signals?.[STREAK] !== undefined))
  const streaks = !hasStreaks
    ? []
    : [3, 5].map((least) =>
        ({ name: `same answer ${least} times`, end: patient(1, ({ signals }) => (signals?.[STREAK] ?? 0) >= least) }))
  return [{ name: 'never stop', end: neverStop }, ...fixed, ...sure, ...streaks]
}

/** Nothing is asked, so no probe is made. */
function neverStop (run: RecordedRun): Ending { return { ...ranInFull(run), probeTokens: 0 } }

/** Stops at the earliest step that is no worse than the full run, without a probe; no rule can save more without losing EM. */
export const ORACLE: PlainRule = {
  name: 'best possible',
  end (run) {
    const step = run.steps.find(({ em }) => em >= run.em)
    return { ...(step === undefined ? ranInFull(run) : stoppedAt(run, step)), probeTokens: 0 }
  },
}

/** A run, and the effect of stopping it at each threshold of a score. */
interface ScoredRun { readonly run: RecordedRun, readonly trace: Trace, readonly stops: readonly Stop[] }

/** A generation to evaluate: `leaf` decides its score, `key` is the context that is certified. */
export interface Case { readonly run: RecordedRun, readonly leaf: string, readonly key: string, readonly raw: ScoredRun }

function scoredRun (run: RecordedRun, scores: ReadonlyArray<number | null>, grid: readonly number[]): ScoredRun {
  const { tokens, answerTokens, em, probeTokens } = run
  const steps = run.steps.map((step, i) => ({ tokens: step.tokens, em: step.em, score: scores[i]!, probeTokens: step.probeTokens }))
  const trace = { tokens, answerTokens, em, isComplete: true, steps, probeTokens }
  return { run, trace, stops: stopsOf(trace, 0, grid) }
}

/** @param at index of the certified link in the chain of contexts */
export function caseOf (run: RecordedRun, leaf: string, at: number): Case {
  return { run, leaf, key: chainOf(leaf)[at]!, raw: scoredRun(run, run.steps.map(({ confidence }) => confidence), GRID) }
}

/** Scores cases with a predictor, with one scorer a context. */
export function scoreWith (predictor: Predictor): (one: Case) => ScoredRun {
  const scorers = new Map<string, Scorer>()
  return ({ run, leaf }) => {
    let scorer = scorers.get(leaf)
    if (scorer === undefined) scorers.set(leaf, scorer = scorerFor(predictor, leaf))
    const scores = run.steps.map(({ tokens, confidence, signals }) => scoreStep(scorer, tokens, confidence, signals))
    return scoredRun(run, scores, predictor.grid)
  }
}

/** The index of the threshold that serves by a score; -1: none does. */
export function certify (runs: readonly ScoredRun[], maxEmDrop: number, level: number): number {
  const evidence = runs.reduce((sum: Evidence, { trace, stops }) => addTrace(sum, trace, stops), noEvidence(runs[0]?.stops.length ?? 0))
  const index = certifiedIndex(evidence, maxEmDrop, Math.log(1 / level))
  return index !== -1 && tokensSavedRatio(evidence, index) < 0 ? -1 : index
}

export const CERTIFIED_RULES = {
  raw: 'raw confidence certified',
  both: 'raw certified on both parts',
  predictor: 'predictor certified',
} as const

/** The parts of the generations, by purpose. */
export interface Split<T> { readonly learn: T[], readonly certify: T[], readonly test: T[] }

/** How a rule ended each test generation of a context. */
export interface RuleResult { readonly name: string, readonly endings: readonly Ending[], readonly isCertified: boolean }

interface RequestedLimits { readonly maxEmDrop: number, readonly errorLevel: number }

/**
 * The rules that certify, in one context of a split, each by one score. Raw confidence needs no learning part, so it is also shown with
 * that part as evidence.
 * @param predictor `null` if there was not enough evidence to fit one; it then certifies nothing
 */
export function certifiedRules (
  split: Split<Case>, predictor: Predictor | null, { maxEmDrop, errorLevel }: RequestedLimits
): RuleResult[] {
  const raw = ({ raw }: Case): ScoredRun => raw
  const serve = (name: string, evidence: readonly Case[], score: ((one: Case) => ScoredRun) | null): RuleResult => {
    const index = score === null ? -1 : certify(evidence.map(score), maxEmDrop, errorLevel)
    return { name, endings: split.test.map((one) => endOf((score ?? raw)(one), index)), isCertified: index >= 0 }
  }
  return [
    serve(CERTIFIED_RULES.raw, split.certify, raw),
    serve(CERTIFIED_RULES.both, [...split.learn, ...split.certify], raw),
    serve(CERTIFIED_RULES.predictor, split.certify, predictor === null ? null : scoreWith(predictor)),
  ]
}

function endOf ({ run, stops }: ScoredRun, index: number): Ending {
  if (index === -1) return ranInFull(run)
  const { delta, tokens, probeTokens } = stops[index]!
  return { tokens, probeTokens, em: (run.em - delta) as Ending['em'], isStopped: tokens < run.tokens }
}
