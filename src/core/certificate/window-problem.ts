import type { PolicyProblem } from '../policy/policy-problem.js'
import type { Policy } from '../policy/policy.js'
import { losslessGenerations } from './certificate.js'

/** Whether half of the evidence window can hold twice the generations of a first certificate. */
export function windowProblem (policy: Policy): PolicyProblem | null {
  const level = policy.predictor === 'off' ? policy.error_level : policy.error_level / 4 // the first challenger's
  const needed = 2 * losslessGenerations(policy.max_em_drop, level)
  if (policy.evidence_window / 2 >= needed) return null
  return {
    path: '/evidence_window',
    message: `must be at least ${2 * needed}: half of it must hold twice the ${needed / 2} lossless generations that ` +
      `a first certificate of max_em_drop ${policy.max_em_drop} at level ${level} needs`,
  }
}
