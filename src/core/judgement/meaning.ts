import type { Levels } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'

/** The meaning of evidence. Evidence under one meaning proves nothing under another, so a change of any field opens an epoch. */
export type Meaning = Readonly<ReturnType<typeof meaningOf>>

export function meaningOf (policy: Policy, levels: Levels) {
  const { label, missing_labels, missing_outcomes, min_tokens, check_every_tokens, check_growth } = policy
  const score = 'confidence' as const
  const is_enrolled = policy.follow_up_seconds > 0 // whether evidence is taken in the order of enrolment, or on arrival
  const cadence = { min_tokens, check_every_tokens, check_growth }
  return { score, label, missing_labels, missing_outcomes, is_enrolled, ...cadence, levels: levels.join() }
}

export function sameMeaning (a: Meaning, b: Meaning): boolean {
  return a.score === b.score && a.label === b.label && a.missing_labels === b.missing_labels && a.missing_outcomes === b.missing_outcomes &&
    a.is_enrolled === b.is_enrolled && a.min_tokens === b.min_tokens && a.check_every_tokens === b.check_every_tokens &&
    a.check_growth === b.check_growth &&
    a.levels === b.levels
}
