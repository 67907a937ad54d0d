import { chainOf } from '../../core/policy/context.js'
import { certifiedIndex } from '../../core/certificate/certified-index.js'
import { noEvidence, tokensSavedRatio, type Evidence } from '../../core/certificate/evidence.js'
import { addTrace } from '../../core/certificate/merge-evidence.js'
import { stopsOf, type Stop, type Trace } from '../../core/certificate/stops.js'
import { GRID } from '../../core/certificate/grid.js'
import { scorerFor, scoreStep, type Predictor, type Scorer } from '../../core/predictor/predictor.js'
import type { RecordedRun } from '../traces/recorded-run.js'

/** A run, and the effect of stopping it at each threshold of a score. */
export interface Judged { readonly run: RecordedRun, readonly trace: Trace, readonly stops: readonly Stop[] }

/** A generation to evaluate: `leaf` decides its score, `key` is the context that is certified. */
export interface Case { readonly run: RecordedRun, readonly leaf: string, readonly key: string, readonly raw: Judged }

function judged (run: RecordedRun, scores: ReadonlyArray<number | null>, grid: readonly number[]): Judged {
  const { tokens, answerTokens, em, probeTokens } = run
  const steps = run.steps.map((step, i) => ({ tokens: step.tokens, em: step.em, score: scores[i]!, probeTokens: step.probeTokens }))
  const trace = { tokens, answerTokens, em, isComplete: true, steps, probeTokens }
  return { run, trace, stops: stopsOf(trace, 0, grid) }
}

/** @param at index of the certified link in the chain of contexts */
export function caseOf (run: RecordedRun, leaf: string, at: number): Case {
  return { run, leaf, key: chainOf(leaf)[at]!, raw: judged(run, run.steps.map(({ confidence }) => confidence), GRID) }
}

/** Judges cases by a predictor, with one scorer a context. */
export function judgeBy (predictor: Predictor): (one: Case) => Judged {
  const scorers = new Map<string, Scorer>()
  return ({ run, leaf }) => {
    let scorer = scorers.get(leaf)
    if (scorer === undefined) scorers.set(leaf, scorer = scorerFor(predictor, leaf))
    return judged(run, run.steps.map(({ tokens, confidence, signals }) => scoreStep(scorer, tokens, confidence, signals)), predictor.grid)
  }
}

/** The threshold that serves by a score (-1: none), and the ratio of tokens that it saves, net. */
export interface Certified { readonly index: number, readonly saved: number }

export function certify (runs: readonly Judged[], maxEmDrop: number, level: number): Certified {
  const evidence = runs.reduce((sum: Evidence, { trace, stops }) => addTrace(sum, trace, stops), noEvidence(runs[0]?.stops.length ?? 0))
  const index = certifiedIndex(evidence, maxEmDrop, Math.log(1 / level))
  const saved = index === -1 ? 0 : tokensSavedRatio(evidence, index)
  return saved < 0 ? { index: -1, saved: 0 } : { index, saved }
}
