import { answerDigest } from '../grading/answer-digest.js'
import type { Em } from '../certificate/stops.js'
import type { Normalise } from '../grading/exact-match.js'
import type { LoggedStep, ReportedOutcome } from '../grading/outcome.js'
import type { RecordedStep } from './recorded-step.js'

type Writable<T> = { -readonly [F in keyof T]: T[F] }

/**
 * Grades recorded steps as if the worker had sent them with its outcome. Exact Match is the step's `em`, else its answer against the
 * `reference`; agreement compares its answer with the final one. Answers are compared by their digests.
 * @param salt the store's, for the digests
 */
export function joinRecord (
  salt: string, outcome: ReportedOutcome, steps: readonly RecordedStep[], normalise?: Normalise
): LoggedStep[] {
  const { em: fullEm, reference, answer } = outcome
  const right = reference === undefined ? undefined : new Set([reference].flat().map((text) => answerDigest(salt, text, normalise)))
  const full = answer === undefined ? undefined : answerDigest(salt, answer, normalise)
  const mayLabelCome = fullEm === undefined && reference === undefined
  return steps.map(({ tokens, confidence, em, answer_digest: digest, signals }) => {
    const step: Writable<LoggedStep> = { tokens, confidence, ...(signals && { signals }) }
    if (em !== undefined) step.exact_match = em
    else if (digest !== undefined && right !== undefined) step.exact_match = matches(right.has(digest))
    else if (digest !== undefined && mayLabelCome) step.answer_digest = digest
    if (digest !== undefined && full !== undefined) step.agreement = matches(digest === full)
    return step
  })
}

const matches = (isMatch: boolean): Em => isMatch ? 1 : 0
