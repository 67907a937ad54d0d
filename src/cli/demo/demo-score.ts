/** What some generations cost and lost. Losses are sums of true chances, which nobody sees in life. */
export interface Score {
  readonly generations: number
  readonly control: number
  readonly treated: number
  /** Tokens that full runs would have taken, and tokens that were spent, probes included. */
  readonly fullTokens: number
  readonly tokens: number
  /** By how much stopping lowered the chances that the answers of treated generations are right, summed. */
  readonly lost: number
}

export const NOTHING: Score = { generations: 0, control: 0, treated: 0, fullTokens: 0, tokens: 0, lost: 0 }

export function addScores (a: Score, b: Score): Score {
  return {
    generations: a.generations + b.generations,
    control: a.control + b.control,
    treated: a.treated + b.treated,
    fullTokens: a.fullTokens + b.fullTokens,
    tokens: a.tokens + b.tokens,
    lost: a.lost + b.lost,
  }
}

/** Share of the tokens of full runs that was saved, net of probes. */
export const savedRatio = ({ fullTokens, tokens }: Score): number => fullTokens === 0 ? 0 : 1 - tokens / fullTokens

/** True EM drop of the treated generations. */
export const trueEmDrop = ({ treated, lost }: Score): number => treated === 0 ? 0 : lost / treated
