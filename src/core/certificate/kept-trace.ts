import type { Em, Trace, TraceStep } from './stops.js'

/** A full run of a control generation with all its steps, as it is stored: in columns, since a store keeps thousands. */
export interface KeptTrace {
  /** Name of the epoch that it is evidence of. */
  readonly epoch: string
  readonly tokens: number
  readonly answer_tokens: number
  /** `null`: not known; its answers count as the worst case where they are not the final one. */
  readonly em: Em | null
  /** Tokens decoded for all its probes, and up to and with each step. Absent: none was reported. */
  readonly probe_tokens?: number
  readonly steps: {
    readonly tokens: readonly number[]
    readonly confidence: ReadonlyArray<number | null>
    /** A character for each step: the probed answer is right (1), wrong (0), the final one (=), another (x); or nothing was probed (-). */
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

const ANSWERS: Readonly<Record<string, Pick<TraceStep, 'em' | 'agrees'>>> = {
  1: { em: 1 }, 0: { em: 0 }, '=': { agrees: true }, x: { agrees: false }, '-': {},
}

function answerOf ({ em, agrees }: TraceStep): string {
  if (em !== undefined) return String(em)
  return agrees === undefined ? '-' : agrees ? '=' : 'x'
}
