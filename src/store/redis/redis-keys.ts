/** The hash tag of the log, the states and all else that changes together. A Redis Cluster keeps keys of one tag on one node. */
export const HOME = 'stopgate'

const keyOf = (tag: string, name: string) => `{${tag}}:${name}`
const key = (name: string) => keyOf(HOME, name)

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
  pending: key('pending'), // hash, generation id -> outcome that awaits its label or its enrolment
  cohorts: key('cohorts'), // hash, context key -> its enrolled generations
  followUp: key('follow_up'), // the follow-up clock, and the accepted enrolment lists
  ledger: key('ledger'),
  policies: key('policies'), // hash, key -> policy
  pins: key('pins'), // hash, key -> pin
  predictors: key('predictors'), // hash, name -> version
  predictorsAt: key('predictors_at'), // id of the log entry that last wrote a predictor
  reservoir: key('reservoir'), // hash, number -> sample that predictors are trained on
  traces: key('traces'), // hash, `<context key> <slot>` -> full trace of a control generation
  savings: key('savings'), // hash, day since 1970-01-01 -> the sums of all contexts
  history: key('history'), // stream, fields `change` and `version`
  audit: key('audit'), // stream, fields `entry`, `version` and `replaced`
  lease: key('lease'), // `<token> <holder>`, expires
  leaseToken: key('lease_token'),
  logged: key('logged'), // decision log: sorted set of generation ids by the ms of the last event; expires
  loggedBytes: key('logged_bytes'), // hash, generation id -> bytes of its events; the empty id has the total; expires
  answered: key('answered'), // the same two for answers that await a label
  answeredBytes: key('answered_bytes'),
  stops: key('stops'), // stream of chunks of the stops of the decision log, field `rows`, and their bytes; both expire
  stopBytes: key('stop_bytes'),
  trainingRuns: key('training_runs'), // hash, name -> revision and run
  trainingSeries: key('training_series'), // hash, [run, suite] -> series
  replicas: key('replicas'), // sorted set of the configurations that replicas announce, by the ms at which they expire; expires
  loss: key('loss'), // the loss that awaits its acknowledgement
  recentAt: key('recent_at'), // number of the bucket that takes ids, and the ms since when (see RememberedIds)
  written: key('written'), // empty; written so that WAIT has a write to wait for, or to see whether writes are taken again
} as const

/** Hashes that take turns as buckets, generation id -> the value of its seen key (see RememberedIds). */
export const RECENT = ['recent:0', 'recent:1', 'recent:2'].map(key)

/** Key of `<ms of the outcome's entry> <what it waits for> <number of steps>`; expires. */
export const seenKey = (generationId: string): string => key(`seen:${generationId}`)

/** The seen key in a partition. @param state the beginning of the state id: ids of another state are not known */
export const rememberedKey = (tag: string, state: string, generationId: string): string => keyOf(tag, `seen:${state}:${generationId}`)

/** Matches the seen keys of all partitions. */
export const rememberedPattern = (state: string): string => `{${HOME}:*}:seen:${state}:*`

/** The keys of one kind of records: generation ids by age, their sizes, and the list of each. */
export interface RecordKeys {
  readonly records: string
  readonly sizes: string
  readonly list: (generationId: string) => string
}

export const eventKeys = (tag: string): RecordKeys =>
  ({ records: keyOf(tag, 'logged'), sizes: keyOf(tag, 'logged_bytes'), list: (id) => keyOf(tag, `events:${id}`) })
export const answerKeys = (tag: string): RecordKeys =>
  ({ records: keyOf(tag, 'answered'), sizes: keyOf(tag, 'answered_bytes'), list: (id) => keyOf(tag, `answers:${id}`) })

/** The tables of a state: `changed` is a sorted set, the last three are streams, the others hashes. */
export const STATE_KEYS = [
  KEYS.contexts, KEYS.pending, KEYS.cohorts, KEYS.policies, KEYS.pins, KEYS.predictors, KEYS.reservoir, KEYS.traces,
  KEYS.trainingRuns, KEYS.trainingSeries, KEYS.changed, KEYS.log, KEYS.history, KEYS.audit,
] as const

/** Where an import stages the tables, and last a hash of the remembered ids. Nothing else reads these keys. */
export const STAGED = [...STATE_KEYS, key('seen')].map((name) => name.replace(key(''), key('import:')))

/** Where an import stages the days of savings. */
export const STAGED_SAVINGS = key('import:savings')

/** Where each new version is published. */
export const CHANNEL = key('changes')
