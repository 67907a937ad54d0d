import type { Policy } from './policy.js'

const FIELDS = ['max_em_drop', 'error_level', 'predictor', 'value_of_em', 'price_per_1k_tokens'] as const

/** The fields of a policy that decide which threshold is served; the fields that give evidence its meaning are separate. */
export type CertificationTerms = Pick<Policy, typeof FIELDS[number]>

const cache = new WeakMap<Policy, CertificationTerms>()

/** Returns one object for each policy, since ten thousand states hold it. */
export function certificationTerms (policy: Policy): CertificationTerms {
  let terms = cache.get(policy)
  if (terms === undefined) {
    const { max_em_drop, error_level, predictor, value_of_em, price_per_1k_tokens } = policy
    terms = { max_em_drop, error_level, predictor, value_of_em, price_per_1k_tokens }
    cache.set(policy, terms)
  }
  return terms
}

/** Whether two sets of terms are equal; `undefined` means that nothing has been judged yet. */
export function haveSameTerms (a: CertificationTerms | undefined, b: CertificationTerms | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && FIELDS.every((field) => a[field] === b[field]))
}

/** Whether two terms ask for the same certificate; prices only choose among what is certified. */
export function haveSameBar (a: CertificationTerms | undefined, b: CertificationTerms): boolean {
  return a !== undefined && a.max_em_drop === b.max_em_drop && a.error_level === b.error_level && a.predictor === b.predictor
}
