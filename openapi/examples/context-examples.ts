import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'

/** Example replies to operators, from a simulated context. Lists are cut short and figures rounded. */

const EFFECTIVE = { ...DEFAULT_POLICY, max_em_drop: 0.03 }

const CONTEXT = {
  key: 'model=steady-8b,task=choices',
  context: { model: 'steady-8b', task: 'choices' },
  status: 'certified',
  pool: null,
  mode: 'enforce',
  pin: null,
  threshold: 0.985,
  lottery: null,
  scope: 'own',
  score: 'confidence',
  guarantee: {
    max_em_drop: 0.03,
    error_level: 0.05,
    post_hoc: true,
    label: 'exact_match',
    follow_up_ratio: 0.998,
    cancelled_ratio: 0,
    missing_labels: 'lost',
    missing_outcomes: 'lost',
    on_arrival: false,
    scope: 'context',
    generations: 422,
    em_drop: 0,
    tokens_saved_ratio: 0.208,
    tokens_saved_gross_ratio: 0.22,
    epoch: 1,
  },
  control_generations: 422,
  treated_generations: 580,
  em_full: 0.903,
  em_drop: 0,
  em_drop_low: -0.0219,
  em_drop_high: 0.0219,
  tokens_saved_ratio: 0.208,
  tokens_saved_gross_ratio: 0.22,
  tokens_saved: 38_120,
  tokens_saved_gross: 45_840,
  probe_tokens: 7720,
  probe_prefill_tokens: 0,
  expected_utility: null,
  arms: {
    control: { generations: 191, labelled: 191, em: 0.885, tokens_mean: 374 },
    treated: { generations: 580, labelled: 580, em: 0.91, tokens_mean: 295 },
    em_difference: { estimate: 0.0218, low: -0.0565, high: 0.1 },
    tokens_difference: null,
    breach_suspected: false,
    breached: false,
  },
  challengers: [],
  unprobed: 0,
  follow_up: {
    enrolled: 465,
    accounted: 421,
    missing: 1,
    excluded: 0,
    cancelled: 0,
    void: 0,
    unenrolled: 3,
    late: 0,
    reported: 452,
    labels_wanted: 21,
    labels_given: 20,
    signals_refused: 0,
  },
  follow_up_ratio: 0.998,
  cancelled_ratio: 0,
  labels_needed_ratio: 0.0465,
  open_enrolments: 86,
  unaccounted: 2,
  evidence: { best: 7.31, now: 7.31, bar: 6.4, holds_now: true },
  warnings: [],
  fed_by: {},
  epoch: 1,
  control_share: 0.196,
  generations_to_next_certificate: 355,
  policy: EFFECTIVE,
  updated_at: '2026-11-25T11:44:10.791Z',
}

export const CONTEXT_PAGE_EXAMPLE = { contexts: [CONTEXT], next: 'model=steady-8b,task=choices' }

export const CONTEXT_DETAIL_EXAMPLE = {
  ...CONTEXT,
  thresholds: [{
    threshold: 0.985,
    lost: 0,
    kept: 422,
    gained: 0,
    unprobed: 0,
    em_drop: 0,
    em_drop_low: -0.0219,
    em_drop_high: 0.0219,
    tokens_saved_ratio: 0.208,
    tokens_saved_gross_ratio: 0.22,
    log_evidence: 10.3,
    certified: true,
    generations_needed: 0,
  }],
  members: null,
}

export const POLICY_REPLY_EXAMPLE = { key: 'model=steady-8b', policy: { max_em_drop: 0.03 }, effective: EFFECTIVE }

export const COMMAND_DRY_RUN_EXAMPLE = {
  dry_run: true,
  contexts: [{
    key: 'model=steady-8b,task=choices',
    before: 0.985,
    after: null,
    mode_before: 'enforce',
    mode_after: 'shadow',
    status_after: 'learning',
    new_epoch: false,
    post_hoc: true,
  }],
  total: 1,
  changing: 1,
  confirm: 'uYc1mX0pS3vLq8Zt',
}

export const POLICY_DRY_RUN_EXAMPLE = {
  key: 'model=steady-8b,task=choices',
  policy: { max_em_drop: 0.01, mode: 'shadow' },
  effective: { ...EFFECTIVE, max_em_drop: 0.01, mode: 'shadow' },
  ...COMMAND_DRY_RUN_EXAMPLE,
}

export const AUDIT_EXAMPLE = {
  commands: [{
    id: '2',
    time: '2026-11-25T11:44:10.883Z',
    by: 'anonymous',
    type: 'pin',
    key: 'model=steady-8b,task=choices',
    reason: 'incident 42',
    replaced: null,
    version: 38,
    pin: { threshold: 0.98, reason: 'incident 42', by: 'anonymous', expires_at: null },
  }],
  next: '2',
}
