import type { Levels } from '../policy/context.js'
import type { Label, Policy } from '../policy/policy.js'

/** The meaning of evidence. Evidence under one meaning proves nothing under another, so a change of any field opens an epoch. */
export interface Meaning {
  readonly score: 'confidence'
  readonly label: Label
  readonly missing_labels: Policy['missing_labels']
  readonly missing_outcomes: Policy['missing_outcomes']
  /** Whether evidence is taken in the order of enrolment, or on arrival. */
  readonly is_enrolled: boolean
  readonly min_tokens: number
  readonly check_every_tokens: number
  readonly check_growth: number
  readonly levels: string
}

export function meaningOf (policy: Policy, levels: Levels): Meaning {
  const { label, missing_labels, missing_outcomes, min_tokens, check_every_tokens, check_growth } = policy
  const is_enrolled = policy.follow_up_seconds > 0
  const cadence = { min_tokens, check_every_tokens, check_growth }
  return { score: 'confidence', label, missing_labels, missing_outcomes, is_enrolled, ...cadence, levels: levels.join() }
}

export function sameMeaning (a: Meaning, b: Meaning): boolean {
  return a.score === b.score && a.label === b.label && a.missing_labels === b.missing_labels && a.missing_outcomes === b.missing_outcomes &&
    a.is_enrolled === b.is_enrolled && a.min_tokens === b.min_tokens && a.check_every_tokens === b.check_every_tokens &&
    a.check_growth === b.check_growth &&
    a.levels === b.levels
}
