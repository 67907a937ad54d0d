import { DEFAULT_POLICY, type Policy } from '../src/core/policy/policy.js'

/** Tokens between the steps of the workers of tests that are not about the cadence. */
export const TEST_CADENCE = 32

export const AT_TEST_CADENCE = { check_every_tokens: TEST_CADENCE, check_growth: 0 }

/** A default policy at that cadence. A policy that states a cadence, or `auto`, is left as it is. */
export function atTestCadence (policy = '{}'): string {
  try {
    return JSON.stringify({ ...AT_TEST_CADENCE, ...JSON.parse(policy) })
  } catch {
    return policy // not JSON, which a test is about
  }
}

/** The default policy at that cadence. */
export const TEST_POLICY: Policy = { ...DEFAULT_POLICY, ...AT_TEST_CADENCE }
