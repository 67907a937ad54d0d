import type { Em } from '../decide/step.js'
import { type Cadence, nextCheckTokens } from '../policy/policy.js'
import { GRID } from '../decide/grid.js'

/** One step of a control generation as the evidence sees it: `em` is absent where no answer was probed. */
export interface TraceStep {
  readonly tokens: number
  readonly score: number | null
  readonly em?: Em | undefined
  /** Whether the answer probed here equals the final one, and so has the same EM; absent where nothing was probed or compared. */
  readonly agrees?: boolean | undefined
  /** What stopping here would have lost, in [-1, 1], where a label compared both answers; it overrides `em`. Absent: none did. */
  readonly difference?: number | undefined
  /** Tokens decoded for the probes that both arms make, up to and including this step; absent: none. */
  readonly probeTokens?: number | undefined
}

/** A control generation that ran in full. `isComplete` is false if `steps` lacks steps at which a decision was asked. */
export interface Trace {
  readonly tokens: number
  readonly answerTokens: number
  /** `null`: unknown, which counts as the worst case: the full answer right, the answer of every stop wrong. */
  readonly em: Em | null
  readonly steps: readonly TraceStep[]
  readonly isComplete: boolean
  /** Tokens decoded for the probes that both arms make, over the whole run; absent: none. */
  readonly probeTokens?: number | undefined
}

/** The effect of stopping one generation at one threshold. */
export interface Stop {
  /** In [-1, 1], in whole eighths. */
  readonly delta: number
  readonly tokens: number
  /** Tokens of the probes made up to the stop. */
  readonly probeTokens: number
  readonly isUnprobed: boolean
}

/**
 * The effect of stopping one generation at each threshold: at threshold k it would have stopped at the first step with enough
 * tokens and `score >= grid[k]`. Where no step crosses, it is kept at full length, or counts as the worst case if the trace is incomplete.
 * Where the crossing step was not probed, its answer counts as wrong.
 * @param minTokens tokens before which nothing stops
 * @param grid thresholds for the score of the steps, safest first
 */
export function stopsOf (trace: Trace, minTokens: number, grid: readonly number[] = GRID): Stop[] {
  const stops: Stop[] = new Array(grid.length)
  let open = grid.length - 1 // thresholds 0..open are not crossed yet; a score crosses the loosest ones first
  for (const step of trace.steps) {
    if (step.tokens < minTokens || step.score === null) continue
    if (open < 0 || step.score < grid[open]!) continue
    const stop: Stop = {
      delta: deltaAt(trace.em, step),
      tokens: Math.min(step.tokens + trace.answerTokens, trace.tokens),
      probeTokens: step.probeTokens ?? 0,
      isUnprobed: step.em === undefined && step.agrees === undefined && step.difference === undefined,
    }
    while (open >= 0 && step.score >= grid[open]!) stops[open--] = stop
  }
  const ran: Stop = {
    delta: trace.isComplete ? 0 : trace.em ?? 1, tokens: trace.tokens, probeTokens: trace.probeTokens ?? 0, isUnprobed: !trace.isComplete,
  }
  while (open >= 0) stops[open--] = ran
  return stops
}

/** @param full EM of the full run; `null`: unknown, which counts as the worst case */
function deltaAt (full: Em | null, { em, agrees, difference }: TraceStep): Stop['delta'] {
  if (difference !== undefined) return difference
  if (em === undefined && agrees === true) return 0
  return full === null ? 1 : full - (em ?? 0)
}

/** A step, with the tokens decoded for probes up to and including it. */
interface CheckedStep { readonly tokens: number, readonly probeTokens?: number | undefined }

/** The steps of another cadence, and the tokens decoded for all of their probes; absent: the steps do not state them. */
interface StepsAtCadence<S> { readonly steps: S[], readonly probeTokens?: number }

/**
 * The steps that a full run would have had at another cadence: for each due check, the first recorded step at or after it. This is exact
 * if the run has a step at every due token count; otherwise a check comes up to one recorded distance later.
 * @param tokensPerProbe `null`: as the steps state them
 */
export function stepsAtCadence<S extends CheckedStep> (
  steps: readonly S[], cadence: Cadence, tokensPerProbe: number | null = null): StepsAtCadence<S> {
  const taken: S[] = []
  let due = nextCheckTokens(cadence, 0)
  let [spent, before] = [0, 0]
  let hasProbeTokens = tokensPerProbe !== null
  for (const step of steps) {
    const { probeTokens = before } = step
    hasProbeTokens ||= step.probeTokens !== undefined
    const own = probeTokens - before
    before = probeTokens
    if (step.tokens < due) continue
    spent += tokensPerProbe ?? own
    taken.push(hasProbeTokens ? { ...step, probeTokens: spent } : step)
    due = nextCheckTokens(cadence, step.tokens)
  }
  return hasProbeTokens ? { steps: taken, probeTokens: spent } : { steps: taken }
}

/** A full run of a control generation with all its steps, as it is stored: in columns, since a store keeps thousands. */
export interface KeptTrace {
  /** Name of the epoch that it is evidence of. */
  readonly epoch: string
  readonly tokens: number
  readonly answer_tokens: number
  /** `null`: unknown; a probed answer other than the final one then counts as the worst case. */
  readonly em: Em | null
  /** Tokens decoded for all its probes; `steps` has those up to and including each step. Absent: none were reported. */
  readonly probe_tokens?: number
  readonly steps: {
    readonly tokens: readonly number[]
    readonly confidence: ReadonlyArray<number | null>
    /**
     * A character for each step: the probed answer is right (1), wrong (0), the final one (=) or another (x); judged to be worse than the
     * final one (w), as good (=) or better (b); nothing was probed (-).
     */
    readonly answers: string
    readonly probe_tokens?: readonly number[]
  }
}

export function keepTrace (epoch: string, { tokens, answerTokens, em, steps, probeTokens }: Trace): KeptTrace {
  return {
    epoch,
    tokens,
    answer_tokens: answerTokens,
    em,
    ...(probeTokens !== undefined && { probe_tokens: probeTokens }),
    steps: {
      tokens: steps.map((step) => step.tokens),
      confidence: steps.map(({ score }) => score),
      answers: steps.map(answerOf).join(''),
      ...(probeTokens !== undefined && { probe_tokens: steps.map((step) => step.probeTokens ?? 0) }),
    },
  }
}

/** The trace, scored by the raw confidence. */
export function traceOfKept ({ tokens, answer_tokens: answerTokens, em, probe_tokens: probeTokens, steps }: KeptTrace): Trace {
  return {
    tokens,
    answerTokens,
    em,
    isComplete: true,
    probeTokens,
    steps: steps.tokens.map((at, i): TraceStep => ({
      tokens: at,
      score: steps.confidence[i] ?? null,
      ...(probeTokens !== undefined && { probeTokens: steps.probe_tokens?.[i] ?? 0 }),
      ...ANSWERS[steps.answers[i] ?? '-'],
    })),
  }
}

/** The grades of an answer by its character. */
const ANSWERS: Readonly<Record<string, Pick<TraceStep, 'em' | 'agrees' | 'difference'>>> = {
  1: { em: 1 }, 0: { em: 0 }, '=': { agrees: true }, x: { agrees: false }, w: { difference: 1 }, b: { difference: -1 }, '-': {},
}

/** The character of a step's answer. */
function answerOf ({ em, agrees, difference }: TraceStep): string {
  if (em !== undefined) return String(em)
  if (difference !== undefined) return difference > 0 ? 'w' : difference < 0 ? 'b' : '='
  return agrees === undefined ? '-' : agrees ? '=' : 'x'
}
