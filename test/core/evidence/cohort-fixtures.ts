import { type EvidenceUnit, evidenceUnitOf } from '../../../src/core/stats/evidence.js'
import type { CohortRules } from '../../../src/core/evidence/accounting.js'
import { Cohort } from '../../../src/core/evidence/cohort.js'
import { restoreCohort, storeCohort } from '../../../src/core/evidence/cohorts.js'
import type { SampleReport } from '../../../src/core/evidence/enrolled-unit.js'
import { ENROLMENT_TIMES, type EnrolmentEntry } from '../../../src/core/evidence/enrolment-list.js'

export const EPOCH = '1-1'
export const FOLLOW_UP = 640_000
/** A slice lasts at least this long, and at most that long. */
export const SLICE_LEAST = FOLLOW_UP / 64
export const SLICE_MOST = FOLLOW_UP / 16

/** Two thresholds. */
export function rulesWith (changes: Partial<CohortRules> = {}): CohortRules {
  return {
    followUp: FOLLOW_UP,
    wait: ENROLMENT_TIMES.wait,
    span: 0, // a cohort only counts the traffic for rule E8, and each other rule has to hold without it
    labelRate: 1,
    stops: 0,
    scoring: { thresholds: 2 },
    worstUnit: () => null,
    ...changes,
  }
}

export const RULES = rulesWith()

/** A unit of 100 tokens with these differences at its thresholds: 1 lost, 0 kept, -1 gained. */
export function unitWith (...deltas: Array<-1 | 0 | 1>): EvidenceUnit {
  const trace = { tokens: 100, answerTokens: 0, em: 1, steps: [], isComplete: true } as const
  return evidenceUnitOf(trace, deltas.map((delta) => ({ delta, tokens: 50, probeTokens: 0, isUnprobed: false })))
}

export function known (...deltas: Array<-1 | 0 | 1>): SampleReport {
  return { kind: 'known', unit: unitWith(...deltas) }
}

export const KEPT = known(0, 0)
export const LOST = known(1, 1)

/** An entry whose draws have u as second hash, unless stated otherwise. */
export function entryOf (us: readonly number[], changes: Partial<EnrolmentEntry> = {}): EnrolmentEntry {
  return { key: '*', epoch: EPOCH, share: 1, draws: us.map((u) => [u, u] as const), ...changes }
}

/** The first n of a sequence of distinct draws in [0, 1). */
export const draws = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => ((from + i + 1) * 0.6180339887498949) % 1)

export function cohortWith (us: readonly number[], clock = 0, rules = RULES): Cohort {
  const cohort = new Cohort(EPOCH)
  cohort.enrol(entryOf(us), clock, rules)
  return cohort
}

export function report (cohort: Cohort, u: number, what: SampleReport, clock: number, samples: number | null = 1, rules = RULES): void {
  const member = cohort.members.get(u)
  if (member === undefined) throw new Error(`${u} is not enrolled`)
  cohort.report(member, what, samples, clock, rules)
}

/** A cohort as the store gives it back. */
export function restored (cohort: Cohort): Cohort {
  return restoreCohort(JSON.parse(JSON.stringify(storeCohort(cohort))))
}
