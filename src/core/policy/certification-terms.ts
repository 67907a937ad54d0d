import type { Policy } from './policy.js'

const FIELDS = ['max_em_drop', 'error_level', 'predictor', 'value_of_em', 'price_per_1k_tokens'] as const

/** What a policy says of the threshold to serve, the meaning of the evidence aside. */
export type CertificationTerms = Pick<Policy, typeof FIELDS[number]>

const known = new WeakMap<Policy, CertificationTerms>()

/** One object a policy, since ten thousand states hold it. */
export function certificationTerms (policy: Policy): CertificationTerms {
  let terms = known.get(policy)
  if (terms === undefined) {
    terms = Object.fromEntries(FIELDS.map((field) => [field, policy[field]])) as unknown as CertificationTerms
    known.set(policy, terms)
  }
  return terms
}

/** @param a absent where nothing was judged yet */
export function haveSameTerms (a: CertificationTerms | undefined, b: CertificationTerms | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && FIELDS.every((field) => a[field] === b[field]))
}
