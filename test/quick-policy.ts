import { ENROLMENT_TIMES, type EnrolmentTimes } from '../src/core/evidence/enrolment-list.js'
import type { PolicyPatch } from '../src/core/policy/policy.js'

/**
 * Live traffic on a quick clock: evidence spans a second, the first control share is a quarter, and the slice that a generation is enrolled
 * in ends within a quarter of a second. The follow-up leaves time for the report on a busy machine.
 */
export const QUICK_POLICY = { follow_up_seconds: 4, evidence_span_seconds: 1 } as const satisfies PolicyPatch

/**
 * The exception, which a test states: records whose order carries no information. It is for tests that certify from a single batch, slice
 * or look, where rule E8 would certify nothing. The first control share is then 1.
 */
export const SHUFFLED = { evidence_span_seconds: 0 } as const satisfies PolicyPatch

/** The setting DEFAULT_POLICY of a service with that policy. */
export function quickPolicy (policy: PolicyPatch = {}): string { return JSON.stringify({ ...QUICK_POLICY, ...policy }) }

/** Settings by which all generations are drawn as control, also while a threshold is in force. */
export const ALL_CONTROL = { DEFAULT_POLICY: quickPolicy({ control_rate: 1 }) }

/** Settings for shuffled records. */
export const ALL_SHUFFLED = { DEFAULT_POLICY: quickPolicy(SHUFFLED) }

/** Lists are sent, and evidence is looked at, often. The times that make a list void stay, since tests run on busy machines. */
export const QUICK_TIMES: EnrolmentTimes = { ...ENROLMENT_TIMES, listEvery: 10, look: 40 }
