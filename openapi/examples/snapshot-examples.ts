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
