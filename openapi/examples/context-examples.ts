import { DEFAULT_POLICY, type Policy } from '../../src/core/policy/index.js'

/** Example replies to operators, from a simulated context. Lists are cut short and figures rounded. */

const EFFECTIVE = { ...DEFAULT_POLICY, max_em_drop: 0.03 }
const DEFAULTED = Object.fromEntries(Object.keys(DEFAULT_POLICY).map((field) => [field, null])) as Record<keyof Policy, null>
const SOURCES = { ...DEFAULTED, max_em_drop: 'model=steady-8b' }

const between = (low: number, high: number): readonly [number, number] => [low, high]

const CONTEXT = {
  key: 'model=steady-8b,task=choices',
  context: { model: 'steady-8b', task: 'choices' },
  status: 'certified',
  mode: 'enforce',
  epoch: 1,
  updated_at: '2026-10-04T09:12:41.791Z',
  warnings: [],
  diagnosis: null,
  pool: null,
  pin: null,
  threshold: 0.985,
  score: 'confidence',
  guarantee: {
    max_em_drop: 0.03,
    error_level: 0.05,
    total_error_level: 0.05,
    post_hoc: true,
    about: 'exact match',
    as_judged: false,
    since: '2026-10-04T08:30:00.000Z',
    until: '2026-10-04T09:12:30.000Z',
    units: 422,
    cancelled_ratio: 0,
    total_em_drop_bound: 0.0442,
    since_step: null,
  },
  em: { full: 0.903, drop: 0, interval: between(-0.0219, 0.0219), drop_if_missing_lost: 0.0024 },
  tokens: { saved: 38_120, interval: between(31_450, 44_790), saved_ratio: 0.208, probes: 7720, probe_overhead: 0.04 },
  generations: { control: 422, treated: 580, control_share: 0.196, check_every_tokens: 32 },
  arms: [
    { arm: 'control', generations: 191, em: 0.885, em_interval: between(0.839, 0.931), tokens: 374, tokens_interval: between(351, 400) },
    { arm: 'treated', generations: 580, em: 0.91, em_interval: between(0.887, 0.933), tokens: 295, tokens_interval: between(283, 308) },
  ],
  em_difference_interval: between(-0.091, 0.141),
  fidelity: { stops: 431, awaiting_label: 1, ratio: 0.993, em_drop: 0.0017, interval: between(-0.0106, 0.0142), breach: 'none', held_until: null },
  sight: { units_lost: 0, stops_refused: 0 },
  probe_form: {
    name: 'boxed',
    tokens: 6,
    is_stated: false,
    tried: [{ name: 'plain', agreement: 0.1, self_agreement: 1, tokens: 7.2 }, { name: 'boxed', agreement: 1, self_agreement: 1, tokens: 4.1 }],
    asked: 23,
    validity: 0.9565,
  },
  follow_up: { enrolled: 508, open: 86, accounted: 421, missing: 1, cancelled: 0, left_out: 3 },
  evidence: { log_e: 7.31, bar: 6.4, next_certificate_in: 355 },
  labels: { asked_from: null, grader_fault: null },
  fed_by: {},
}

export const CONTEXT_PAGE_EXAMPLE = { contexts: [CONTEXT], next: 'model=steady-8b,task=choices' }

export const CONTEXT_DETAIL_EXAMPLE = {
  ...CONTEXT,
  thresholds: [{
    threshold: 0.985,
    lost: 0,
    kept: 421,
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
  label_advice: null,
}

export const POLICY_REPLY_EXAMPLE = { key: 'model=steady-8b', policy: { max_em_drop: 0.03 }, effective: EFFECTIVE, sources: SOURCES }

export const COMMAND_DRY_RUN_EXAMPLE = {
  dry_run: true,
  contexts: [{
    key: 'model=steady-8b,task=choices',
    before: 0.985,
    after: null,
    mode_before: 'enforce',
    mode_after: 'shadow',
    max_em_drop_before: 0.02,
    max_em_drop_after: 0.01,
    em_drop_before: 0.006,
    em_drop_after: null,
    tokens_saved_ratio_before: 0.31,
    tokens_saved_ratio_after: null,
    tokens_saved_per_day_before: 1_860_000,
    tokens_saved_per_day_after: -12_000,
    status_after: 'learning',
    new_epoch: false,
    post_hoc: true,
    undo_restores: true,
  }],
  total: 1,
  changing: 1,
  tokens_saved_per_day: { before: 1_860_000, after: -12_000, unknown: 0 },
  confirm: 'uYc1mX0pS3vLq8Zt',
}

export const POLICY_DRY_RUN_EXAMPLE = {
  key: 'model=steady-8b,task=choices',
  policy: { max_em_drop: 0.01, mode: 'shadow' },
  effective: { ...EFFECTIVE, max_em_drop: 0.01, mode: 'shadow' },
  sources: { ...DEFAULTED, max_em_drop: 'model=steady-8b,task=choices', mode: 'model=steady-8b,task=choices' },
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

export const FLEET_EXAMPLE = {
  prefix: '*',
  at: '2026-01-05T10:00:00.000Z',
  snapshot: { version: 8120, age_seconds: 0.3, stale: false },
  contexts: 3,
  by_status: { certified: 1, learning: 1, unlikely: 0, drifted: 1, suspended: 0 },
  by_mode: { enforce: 3, shadow: 0, off: 0 },
  pinned: 0,
  stopping: 1,
  control_generations: 2310,
  treated_generations: 18_400,
  tokens_saved: 5_210_400,
  tokens_saved_low: 4_790_200,
  tokens_saved_high: 5_630_600,
  tokens_saved_gross: 5_640_100,
  probe_tokens: 429_700,
  tokens_saved_ratio: 0.214,
  em_drop: 0.004,
  max_em_drop: 0.02,
  saved_by_hour: [
    { at: '2026-01-05T08:00:00.000Z', tokens_saved: 61_200, tokens_saved_low: 48_960, tokens_saved_high: 73_440, tokens: 240_900 },
    { at: '2026-01-05T09:00:00.000Z', tokens_saved: 58_400, tokens_saved_low: 46_720, tokens_saved_high: 70_080, tokens: 216_100 },
  ],
  alarms: [{ key: 'model=example,task=other', alarm: 'drift', since: '2026-01-05T09:12:31.000Z' }],
  alarms_total: 1,
}

export const FLEET_PAGE_EXAMPLE = {
  at: '2026-01-05T10:00:00.000Z',
  snapshot: { version: 8120, age_seconds: 0.3, stale: false },
  total: 3,
  contexts: [{
    key: 'model=example,task=example',
    is_leaf: true,
    is_certifying: true,
    status: 'certified',
    pool: null,
    mode: 'enforce',
    is_pinned: false,
    pinned_at: null,
    threshold: 0.97,
    scope: 'own',
    em_drop: 0.004,
    em_drop_low: -0.002,
    em_drop_high: 0.018,
    max_em_drop: 0.02,
    tokens_saved: 5_210_400,
    tokens_saved_low: 4_790_200,
    tokens_saved_high: 5_630_600,
    tokens_saved_ratio: 0.24,
    control_generations: 1200,
    treated_generations: 18_400,
    generations_per_hour: 2450,
    generations_to_next_certificate: 420,
    alarms: [],
    updated_at: '2026-01-05T10:00:00.000Z',
  }],
}
