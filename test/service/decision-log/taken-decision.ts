import type { TakenDecision } from '../../../src/service/decision-log/log-buffer.js'
import type { LoggedDecision } from '../../../src/service/decision-log/logged-event.js'

/** The request and the decision at a step. The log has them unchanged. */
export const DECIDED: LoggedDecision = {
  arm: 'control',
  tokens: 32,
  confidence: 0.5,
  score: 0.6,
  scorer: 'confidence',
  threshold: null,
  reason: 'no_threshold',
}

/** A decision on a step, as it is taken for the log. */
export const TAKEN: TakenDecision = {
  id: 'g',
  context: { model: 'q' },
  source: null,
  ...DECIDED,
  version: 7,
  isEnrolled: false,
}
