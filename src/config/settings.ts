import { envSchema } from 'env-schema'
import { Type, type Static } from 'typebox'
import { LOG_LIMITS } from '../store/log-limits.js'

/** Every setting, from the environment. `npm run docs` writes docs/operate/settings.md from it. */
export const SettingsSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address to listen on; localhost is 127.0.0.1' }),
  PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65535, description: 'Port to listen on; 0 takes a free one' }),
  PROCESSES: Type.Integer({ default: 1, minimum: 1, maximum: 128, description: 'Processes that share the port, a core for each; more than 1 need REDIS_URL' }),
  LOG_LEVEL: Type.Unsafe<string>({
    type: 'string', enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], default: 'info', description: 'Least level that is logged; decisions and outcomes are logged at debug',
  }),
  TLS_CERT_FILE: Type.String({ default: '', description: 'Certificate of the listener, PEM, with those that lead to its authority; read again when it changes; empty: plain HTTP' }),
  TLS_KEY_FILE: Type.String({ default: '', description: 'Its private key, PEM' }),
  REDIS_URL: Type.String({ default: '', description: 'Redis to keep everything in, redis://host:port, or a Cluster or Sentinels, rediss for TLS (see Redis); empty: the embedded store' }),
  REDIS_CA_FILE: Type.String({ default: '', description: 'Authority that signed the certificate of a Redis with TLS, PEM, read at the start; empty: the public ones' }),
  REDIS_CERT_FILE: Type.String({ default: '', description: 'Certificate that Redis asks clients for, PEM, read at the start; empty: none' }),
  REDIS_KEY_FILE: Type.String({ default: '', description: 'Its private key, PEM' }),
  REDIS_WAIT_REPLICAS: Type.Integer({ default: 0, minimum: 0, maximum: 16, description: 'Replicas of Redis that must have what is reported before it is acknowledged; with 1, a failover loses nothing of it' }),
  ACCESS_TOKENS: Type.String({ default: '', description: 'Who may call, JSON, a list of what `stopgate token` prints; empty: everybody' }),
  ACCESS_TOKENS_FILE: Type.String({ default: '', description: 'The same from a file, which is read again when it changes' }),
  ALLOW_ANONYMOUS: Type.Boolean({ default: false, description: 'Whether to listen on other addresses than loopback without tokens' }),
  DATA_DIR: Type.String({ default: './data', minLength: 1, description: 'Folder of the embedded store' }),
  CONTEXT_LEVELS: Type.String({ default: 'model,task', pattern: '^([A-Za-z][A-Za-z0-9_.-]{0,31}(,[A-Za-z][A-Za-z0-9_.-]{0,31}){0,7})?$', description: 'Levels of a context, in order, comma-separated, no spaces: up to 8, of up to 32 letters, digits, _ . -' }),
  DEFAULT_POLICY: Type.String({ default: '{}', description: 'Default of every policy field, JSON, partial' }),
  DEDUP_SECONDS: Type.Integer({ default: LOG_LIMITS.dedupSeconds, minimum: 1, description: 'An outcome sent again within this time is a duplicate (seconds)' }),
  LABEL_WAIT_SECONDS: Type.Integer({ default: LOG_LIMITS.labelWaitSeconds, minimum: 0, description: 'How long an outcome without em waits for POST /v1/outcomes/{generation_id}/label; 0: not at all (seconds)' }),
  MAX_LOG_ENTRIES: Type.Integer({ default: LOG_LIMITS.maxLogEntries, minimum: 4096, description: 'Outcomes and labels that may wait for the learner; beyond it they are refused with 503' }),
  RECORD_SECONDS: Type.Integer({ default: 3600, minimum: 1, description: 'Steps of a control generation are kept for its outcome this long after the last one (seconds)' }),
  MAX_CONTEXTS: Type.Integer({ default: 10_000, minimum: 1, description: 'Contexts to learn at most; outcomes of further ones reach only their existing parents' }),
  POLL_SECONDS: Type.Number({ default: 1, minimum: 0.01, description: 'How often a replica looks for a new model, in case a notice was lost, and for new tokens (seconds)' }),
  LEASE_SECONDS: Type.Number({ default: 3, minimum: 0.1, description: 'A learner that is silent this long is replaced (seconds)' }),
  LEARNER_THREAD: Type.Boolean({ default: true, description: 'Whether the learner has a thread of its own, so that decisions do not wait for it' }),
  STALE_AFTER_SECONDS: Type.Number({ default: 30, minimum: 1, description: 'Out of step with the store for this long, decisions say stale (seconds)' }),
  MAX_STALENESS_SECONDS: Type.Number({ default: 3600, minimum: 1, description: 'Out of step with the store for this long, decisions are continue (seconds)' }),
  SHUTDOWN_SECONDS: Type.Number({ default: 10, minimum: 0.1, description: 'Time for requests in flight to finish after SIGTERM (seconds)' }),
})

export type Settings = Static<typeof SettingsSchema>

/** A setting that can't be used; the message names it. */
export class ConfigError extends Error { override name = 'ConfigError' }

interface ValidationError { instancePath: string, keyword: string, message?: string, params: { allowedValues: string[] } }

/** @throws ConfigError that names the setting and says what it may be */
export function readSettings (env: NodeJS.ProcessEnv): Settings {
  try {
    return envSchema<Settings>({ schema: SettingsSchema, data: env, env: false })
  } catch (error) {
    const [first] = (error as { errors?: ValidationError[] }).errors ?? []
    const name = first?.instancePath.slice(1) as keyof typeof SettingsSchema.properties
    const property = SettingsSchema.properties[name] as { description?: string, default?: unknown } | undefined
    if (property === undefined) throw new ConfigError((error as Error).message)
    const value = ` (${JSON.stringify(env[name])})`
    const wrong = first!.keyword === 'pattern' ? 'is not of the right form' : first!.message
    const allowed = first!.keyword === 'enum' ? ` (${first!.params.allowedValues.join(', ')})` : ''
    throw new ConfigError(`${name}${value} ${wrong}${allowed}: ${property.description}; default ${JSON.stringify(property.default)}`)
  }
}
