import type { Policy } from '../policy/policy.js'
import type { ContextState } from './context-state.js'
import { isGraderBroken } from './grader.js'

/** A check of whether reports are evidence at all: what is wrong, as a clause, and what to change. */
interface EvidenceCheck { readonly problem: string, readonly cure: string }

/** The checks by their warnings. docs/operate/evidence-warnings.md has a paragraph for each. */
export const EVIDENCE_CHECKS = {
  steps_missing: {
    problem: 'control outcomes lack steps for which a decision was asked, so they count as missing',
    cure: 'send all steps with an outcome, or leave them out so that the service joins those that it recorded',
  },
  grader_broken: {
    problem: 'answers that differ always have the same EM, answers that are equal have not, or all answers are the same, so nothing is certified',
    cure: 'check the grader and the extraction of answers',
  },
} as const satisfies Record<string, EvidenceCheck>

export type EvidenceWarning = keyof typeof EVIDENCE_CHECKS

export const EVIDENCE_WARNINGS = Object.keys(EVIDENCE_CHECKS) as EvidenceWarning[]

export function isEvidenceWarning (warning: string): warning is EvidenceWarning { return Object.hasOwn(EVIDENCE_CHECKS, warning) }

/** The warnings with their problems and cures, for descriptions. */
export const EVIDENCE_WARNINGS_TEXT = EVIDENCE_WARNINGS.map((warning) => `${warning}: ${EVIDENCE_CHECKS[warning].problem}: ${EVIDENCE_CHECKS[warning].cure}`).join('. ')

/** Below this number a share says little. */
const FEW = 4

/** Whether a part of all exceeds a share of it. */
function exceeds (part: number, all: number, share: number): boolean { return part >= FEW && part > share * all }

/** The checks that a context fails. @param policy of the context */
export function evidenceWarnings ({ follow_up: counts, grader }: ContextState, { max_em_drop: bound }: Policy): EvidenceWarning[] {
  const warnings: EvidenceWarning[] = []
  if (exceeds(counts.steps_missing, counts.reported + counts.steps_missing, bound)) warnings.push('steps_missing')
  if (isGraderBroken(grader)) warnings.push('grader_broken')
  return warnings
}
