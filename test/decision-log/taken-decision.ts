import type { TakenDecision } from '../../src/decision-log/log-buffer.js'

/** A decision on a step, as it is taken for the log. */
export const TAKEN: TakenDecision = {
  id: 'g',
  context: { model: 'q' },
  source: null,
  arm: 'control',
  tokens: 32,
  confidence: 0.5,
  score: 0.5,
  scorer: 'confidence',
  threshold: null,
  reason: 'no_threshold',
  version: 7,
  isEnrolled: false,
  em: undefined,
  answer: 'SECRET',
}
