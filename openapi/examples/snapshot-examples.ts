/** Example replies about the snapshot and its replica. Lists are cut short and figures rounded. */

export const SNAPSHOT_EXAMPLE = {
  version: 42,
  state_id: 'ff962219-6d2d-4c13-a1e0-5d59877fbe7d',
  levels: ['model', 'task'],
  contexts: 6,
  thresholds_in_force: 3,
  age_seconds: 0.0108,
  stale: false,
  store: { kind: 'embedded', up: true },
  learner: { leader: true, log_lag: 6 },
}

export const HISTORY_EXAMPLE = {
  changes: [
    {
      id: '12',
      time: '2026-11-25T11:44:10.883Z',
      key: 'model=steady-8b,task=choices',
      cause: 'pin',
      epoch: 1,
      before: null,
      after: 0.98,
      version: 39,
      by: 'anonymous',
      reason: 'incident 42',
    },
    {
      id: '11',
      time: '2026-11-25T11:35:28.399Z',
      key: 'model=steady-8b,task=math',
      cause: 'evidence',
      epoch: 1,
      before: 0.994,
      after: 0.973,
      version: 35,
    },
  ],
  next: '11',
}

export const CONTEXT_HISTORY_EXAMPLE = {
  changes: [{ ...HISTORY_EXAMPLE.changes[1]! }],
  next: null,
  modes: [{ time: '2026-11-25T12:02:31.015Z', key: '*', before: 'enforce', after: 'off', by: 'ops', reason: 'incident 42' }],
}

export const ROLLBACK_REPLY_EXAMPLE = {
  version: 1,
  dry_run: true,
  contexts: [{
    key: 'model=steady-8b,task=choices',
    before: 0.98,
    after: null,
    scorer: null,
    mode_before: 'enforce' as const,
    mode_after: 'enforce' as const,
    em_drop_before: 0.006,
    em_drop_after: null,
    tokens_saved_ratio_before: 0.31,
    tokens_saved_ratio_after: null,
    tokens_saved_per_day_before: 1_860_000,
    tokens_saved_per_day_after: -12_000,
  }],
  total: 6,
  changing: 3,
  tokens_saved_per_day: { before: 4_120_000, after: 2_190_000, unknown: 1 },
  policies: [],
  confirm: 'Ty2bN6rKq0VwE5hA',
}

export const NOT_READY_EXAMPLE = {
  ready: false,
  store: { kind: 'redis', up: false },
  snapshot: { version: 0, age_seconds: null, stale: true },
  learner: { leader: false },
  warnings: ['The store cannot be reached. Decisions continue with the last snapshot; outcomes are refused with 503. Check REDIS_URL and the Redis server.'],
}

export const READY_EXAMPLE = {
  ready: true,
  store: { kind: 'embedded', up: true },
  snapshot: { version: 44, age_seconds: 0.0076, stale: false },
  learner: { leader: true },
  warnings: [],
}
