import type { Policy } from './policy.js'

const FIELDS = ['max_em_drop', 'error_level', 'predictor', 'value_of_em', 'price_per_1k_tokens'] as const

/** What a policy says of the threshold to serve, the meaning of the evidence aside. */
export type Terms = Pick<Policy, typeof FIELDS[number]>

const known = new WeakMap<Policy, Terms>()

/** One object a policy, since ten thousand states hold it. */
export function termsOf (policy: Policy): Terms {
  let terms = known.get(policy)
  if (terms === undefined) known.set(policy, terms = Object.fromEntries(FIELDS.map((field) => [field, policy[field]])) as unknown as Terms)
  return terms
}

/** @param a absent where nothing was judged yet */
export function sameTerms (a: Terms | undefined, b: Terms | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && FIELDS.every((field) => a[field] === b[field]))
}
