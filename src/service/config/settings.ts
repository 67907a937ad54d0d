import { type Static, Type } from '#typebox'
import { readEnvironment } from '../../settings/environment.js'
import { LOG_LIMITS } from '../../store/log.js'

/** Every setting. `npm run docs` writes docs/operate/settings.md from this schema. */
export const SettingsSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address to listen on; localhost means 127.0.0.1' }),
  PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65535, description: 'Port to listen on; 0: any free port' }),
  PROCESSES: Type.Integer({ default: 1, minimum: 1, maximum: 128, description: 'Number of processes that share the port, one for each core; more than 1 needs REDIS_URL' }),
  LOG_LEVEL: Type.Unsafe<string>({
    type: 'string', enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], default: 'info', description: 'Lowest level that is logged; reads, and requests for decisions and outcomes, are logged at debug',
  }),
  TLS_CERT_FILE: Type.String({ default: '', description: 'File with the certificate chain of the listener (PEM), read again when it changes; empty: plain HTTP' }),
  TLS_KEY_FILE: Type.String({ default: '', description: 'File with the private key of TLS_CERT_FILE (PEM)' }),
  REDIS_URL: Type.String({ default: '', description: 'URL of Redis, redis://host:port, or of a Cluster or Sentinels; rediss for TLS; empty: the embedded store' }),
  REDIS_CA_FILE: Type.String({ default: '', description: 'File with the certificate authority of Redis (PEM), read at the start; empty: the public authorities' }),
  REDIS_CERT_FILE: Type.String({ default: '', description: 'File with the client certificate for Redis (PEM), read at the start; empty: none' }),
  REDIS_KEY_FILE: Type.String({ default: '', description: 'File with the private key of REDIS_CERT_FILE (PEM)' }),
  REDIS_WAIT_REPLICAS: Type.Integer({ default: 0, minimum: 0, maximum: 16, description: 'Number of Redis replicas that must have a report before it is acknowledged; with 1, a failover loses no reports' }),
  ACCESS_TOKENS: Type.String({ default: '', description: 'Access tokens: a JSON list of entries of `stopgate token`; empty: no token is required' }),
  ACCESS_TOKENS_FILE: Type.String({ default: '', description: 'File with a list as in ACCESS_TOKENS, read again when it changes' }),
  ALLOW_ANONYMOUS: Type.Boolean({ default: false, description: 'Whether the service may listen on addresses other than loopback without tokens' }),
  ALLOWED_HOSTS: Type.String({ default: '', pattern: '^([A-Za-z0-9._:-]+(, ?[A-Za-z0-9._:-]+)*)?$', description: 'Hosts by which clients may call the service without tokens, besides those of this machine: names without ports, separated by commas' }),
  DATA_DIR: Type.String({ default: './data', minLength: 1, description: 'Folder of the embedded store' }),
  CONTEXT_LEVELS: Type.String({ default: 'model,task', pattern: '^([A-Za-z][A-Za-z0-9_.-]{0,31}(,[A-Za-z][A-Za-z0-9_.-]{0,31}){0,7})?$', description: 'Levels of a context in order, separated by commas without spaces: up to 8 names of up to 32 letters, digits, _ . -' }),
  DEFAULT_POLICY: Type.String({ default: '{}', description: 'Defaults of policy fields (a JSON object)' }),
  MAX_EM_DROP_LIMIT: Type.Number({ default: 0.1, minimum: 0.001, maximum: 0.5, description: 'Largest max_em_drop that a policy may state (fraction of EM), so that nobody allows a loss of half of the answers by a slip' }),
  DEDUP_SECONDS: Type.Integer({ default: LOG_LIMITS.dedupSeconds, minimum: 1, description: 'Time for which an outcome is remembered: a repetition is a duplicate, and a label is accepted (seconds)' }),
  DECISION_LOG_SECONDS: Type.Integer({ default: 86_400, minimum: 1, description: 'Time for which the decision log keeps a generation after its last step or report (seconds)' }),
  DECISION_LOG_MIB: Type.Integer({ default: 64, minimum: 0, maximum: 4096, description: 'Size of the decision log in the store (MiB); the least recently written generations are removed first; 0: nothing is kept' }),
  DECISION_LOG_TREATED_SHARE: Type.Number({ default: 0.01, minimum: 0, maximum: 1, description: 'Share of the treated generations that the decision log keeps' }),
  STOP_LOG_MIB: Type.Integer({ default: 64, minimum: 0, maximum: 4096, description: 'Size of all stops in the store (MiB); the oldest are removed first; 0: none is kept' }),
  DECISION_LOG_FILE: Type.String({ default: '', description: 'File to which the decision log is also appended, one JSON object a line; -: standard output; empty: none' }),
  MAX_CONTEXTS: Type.Integer({ default: 10_000, minimum: 1, description: 'Largest number of contexts to learn, of which the tokens of one prefix may have a quarter; outcomes of further contexts count only for their existing parents' }),
  POLL_SECONDS: Type.Number({ default: 1, minimum: 0.01, description: 'Interval at which a replica checks for changed files, and for a new snapshot if a notification was lost (seconds)' }),
  LEASE_SECONDS: Type.Number({ default: 3, minimum: 0.1, description: 'Time without a heartbeat after which a learner is replaced (seconds)' }),
  MAX_STALENESS_SECONDS: Type.Number({ default: 3600, minimum: 1, description: 'Time out of step with the store after which every decision is continue (seconds); decisions are marked stale after 30 seconds, or after half of this time where that is less' }),
  PAUSE_STOPPING: Type.Boolean({ default: false, description: 'Whether this replica starts with stopping paused, until DELETE /v1/pause' }),
  SHUTDOWN_SECONDS: Type.Number({ default: 10, minimum: 0.1, description: 'Time that requests in flight have to finish after SIGTERM (seconds)' }),
})

export type Settings = Static<typeof SettingsSchema>

/** @throws ConfigError that names the setting and its valid values */
export function readSettings (env: NodeJS.ProcessEnv): Settings {
  return readEnvironment(SettingsSchema, env)
}
