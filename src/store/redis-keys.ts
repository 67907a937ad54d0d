/** Every key, under one hash tag, so that a Redis Cluster keeps them all in one slot. */
const key = (name: string) => `{stopgate}:${name}`

export const KEYS = {
  stateId: key('state_id'),
  salt: key('salt'),
  format: key('format'), // STATE_FORMAT of the newest version that learned or imported here
  log: key('log'), // stream, one field `entry`
  cursor: key('cursor'),
  version: key('version'),
  policyVersion: key('policy_version'),
  changed: key('changed'), // sorted set of context keys by the version that last changed them
  contexts: key('contexts'), // hash, key -> state
  pending: key('pending'), // hash, generation id -> outcome that waits for a label
  ledger: key('ledger'),
  policies: key('policies'), // hash, key -> policy
  pins: key('pins'), // hash, key -> pin
  predictors: key('predictors'), // hash, name -> version
  predictorsAt: key('predictors_at'), // id of the log entry that last wrote a predictor
  reservoir: key('reservoir'), // hash, number -> sample that predictors are trained on
  history: key('history'), // stream, fields `change` and `version`
  audit: key('audit'), // stream, fields `entry`, `version` and `replaced`
  lease: key('lease'), // `<token> <holder>`, expires
  leaseToken: key('lease_token'),
  records: key('records'), // sorted set of the generation ids that have steps recorded, by the ms of the last one; expires
  recordBytes: key('record_bytes'), // hash, generation id -> bytes of its steps; the empty id: of all; expires
  trainingRuns: key('training_runs'), // hash, name -> revision and run
  trainingSeries: key('training_series'), // hash, [run, suite] -> series
  written: key('written'), // says nothing: a write for replicas to have
} as const

/** `<ms of the outcome's entry> <what it awaits>`, expires. */
export const seenKey = (generationId: string): string => key(`seen:${generationId}`)

/** List of the steps recorded of a generation; expires. */
export const stepsKey = (generationId: string): string => key(`steps:${generationId}`)

/** The tables of a whole state; `changed` is a sorted set, the last three are streams, the others hashes. */
export const STATE_KEYS = [
  KEYS.contexts, KEYS.pending, KEYS.policies, KEYS.pins, KEYS.predictors, KEYS.reservoir, KEYS.trainingRuns, KEYS.trainingSeries,
  KEYS.changed, KEYS.log, KEYS.history, KEYS.audit,
] as const

/** Where an import lays them down, and last a hash of what is seen; nobody reads these. */
export const STAGED = [...STATE_KEYS, key('seen')].map((name) => name.replace(key(''), key('import:')))

/** Where each new version is published. */
export const CHANNEL = key('changes')
