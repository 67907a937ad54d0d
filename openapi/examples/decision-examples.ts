/** Example replies to workers, from a simulated context. Lists are cut short and figures rounded. */

export const DECISION_EXAMPLE = {
  decision: 'stop',
  threshold: 0.985,
  score: 0.99,
  scorer: 'confidence',
  reason: 'score_at_threshold',
  would_stop: true,
  arm: 'treated',
  context: 'model=steady-8b,task=choices',
  scope: 'own',
  next_check_tokens: 544,
  probe: false,
  snapshot_version: 35,
  stale: false,
  warnings: [],
}

/** The reply to the first step of a generation, which has the guarantee. */
export const FIRST_DECISION_EXAMPLE = {
  ...DECISION_EXAMPLE,
  decision: 'continue',
  score: 0.71,
  reason: 'below_threshold',
  would_stop: false,
  next_check_tokens: 64,
  guarantee: {
    max_em_drop: 0.02,
    error_level: 0.05,
    total_error_level: 0.05,
    post_hoc: false,
    about: 'exact match',
    as_judged: false,
    since: '2026-10-04T08:30:00.000Z',
    until: '2026-10-04T09:12:30.000Z',
    units: 401,
    cancelled_ratio: 0,
    total_em_drop_bound: 0.0261,
    since_step: null,
  },
  rule: { threshold: 0.985, mode: 'enforce', check_every_tokens: 32, check_growth: 0.25, min_tokens: 0, control_share: 0.196, warnings: [] },
}

export const DECISION_BATCH_EXAMPLE = {
  snapshot_version: 35,
  decisions: [
    { ...DECISION_EXAMPLE, decision: 'continue', score: 0.97, reason: 'below_threshold', would_stop: false },
    {
      error: { path: '/tokens', message: 'must be >= 0; Tokens generated so far (a whole number from 0)' },
    },
  ],
}

export const BUNDLE_EXAMPLE = {
  snapshot_version: 43,
  format: 1,
  state_id: 'ff962219-6d2d-4c13-a1e0-5d59877fbe7d',
  salt: '52f3d1b9-9412-40f1-ba88-81e154d83d3f',
  levels: ['model', 'task'],
  prefix: 'model=steady-8b',
  rules: [
    { threshold: null, scope: 'none', mode: 'enforce', min_tokens: 0, check_every_tokens: 32, check_growth: 0, label_rate: 1 },
    { threshold: 0.985, scope: 'own', mode: 'enforce', min_tokens: 0, check_every_tokens: 32, check_growth: 0, label_rate: 1 },
  ],
  predictors: {},
  weights: [],
  others: [],
  root: { below: { 'steady-8b': { rule: 0, below: { choices: { rule: 1, control_share: 0.196, epoch: '1764157451491-0' } } } } },
}

const decided = { scorer: 'confidence', threshold: 0.93, threshold_context: 'model=example,task=example', snapshot_version: 41 }

export const GENERATION_EXAMPLE = {
  generation_id: 'req-8f2c',
  context: 'model=example,task=example',
  arm: 'control',
  enrolled: true,
  steps: [
    { ...decided, at: '2026-01-01T12:00:00.104Z', tokens: 128, confidence: 0.71, score: 0.71, action: 'continue', reason: 'below_threshold', would_stop: false },
    { ...decided, at: '2026-01-01T12:00:02.391Z', tokens: 192, confidence: 0.97, score: 0.97, action: 'continue', reason: 'control_arm', would_stop: true },
  ],
  outcome: { at: '2026-01-01T12:00:09.870Z', tokens: 402, stopped: false, cancelled: false, em: 1 },
}

export const STOPS_EXAMPLE = {
  stops: [{
    at: '2026-09-18T03:04:05.678Z',
    generation_id: 'req-8f2c',
    context: 'model=steady-8b,task=math',
    tokens: 416,
    score: 0.981,
    scorer: 'confidence',
    threshold: 0.973,
    threshold_context: 'model=steady-8b,task=math',
    snapshot_version: 35,
    decided_by: 'service',
    outcome: { em: 1, tokens: 423, as_probed: true },
  }],
  next: '1789700645678-0:12',
}
