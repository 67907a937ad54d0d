const decided = { scorer: 'confidence', threshold: 0.93, threshold_context: 'model=example,task=example', model_version: 41 }

export const GENERATION_EXAMPLE = {
  generation_id: 'req-8f2c',
  context: 'model=example,task=example',
  arm: 'control',
  enrolled: true,
  steps: [
    { ...decided, at: '2026-01-01T12:00:00.104Z', tokens: 128, confidence: 0.71, score: 0.71, action: 'continue', reason: 'below_threshold', would_stop: false },
    { ...decided, at: '2026-01-01T12:00:02.391Z', tokens: 192, confidence: 0.97, score: 0.97, action: 'continue', reason: 'control_arm', would_stop: true, em: 1 },
  ],
  outcome: { at: '2026-01-01T12:00:09.870Z', tokens: 402, stopped: false, cancelled: false, em: 1 },
}
