import { PolicyPatchSchema } from '../../../openapi/policy-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { boundProblem, DEFAULT_POLICY, type PolicyPatch, poolProblem } from '../../core/policy/index.js'
import { isLoopback } from '../../http/host-check.js'
import { ConfigError } from '../../settings/environment.js'
import { redisAddress } from '../../store/redis/redis-address.js'
import { readSettings, type Settings } from './settings.js'

/** Replaces `localhost`, which names two addresses: Fastify would open two servers, and closing would reach only one of them. */
const LOCALHOST = '127.0.0.1'

export type Config = Readonly<ReturnType<typeof readConfig>>

/** @throws ConfigError that names the setting and its valid values */
export function readConfig (env: NodeJS.ProcessEnv) {
  const settings = readSettings(env)
  const levels: readonly string[] = settings.CONTEXT_LEVELS === '' ? [] : settings.CONTEXT_LEVELS.split(',')
  if (new Set(levels).size < levels.length) throw new ConfigError('CONTEXT_LEVELS names a level twice: name each level once')
  const taken = levels.find((level) => level in {}) // such as constructor or toString
  if (taken !== undefined) throw new ConfigError(`CONTEXT_LEVELS cannot contain the reserved name ${taken}: rename the level`)
  if (settings.PROCESSES > 1 && settings.REDIS_URL === '') {
    throw new ConfigError('PROCESSES above 1 requires REDIS_URL, since the embedded store serves one process: set REDIS_URL or PROCESSES=1')
  }
  checkAccess(settings)
  checkTls(settings)
  checkRedis(settings)
  return {
    host: settings.HOST.toLowerCase() === 'localhost' ? LOCALHOST : settings.HOST,
    port: settings.PORT,
    processes: settings.PROCESSES,
    logLevel: settings.LOG_LEVEL,
    tlsCertFile: settings.TLS_CERT_FILE,
    tlsKeyFile: settings.TLS_KEY_FILE,
    redisUrl: settings.REDIS_URL,
    redisCaFile: settings.REDIS_CA_FILE,
    redisCertFile: settings.REDIS_CERT_FILE,
    redisKeyFile: settings.REDIS_KEY_FILE,
    waitReplicas: settings.REDIS_WAIT_REPLICAS,
    accessTokens: settings.ACCESS_TOKENS,
    accessTokensFile: settings.ACCESS_TOKENS_FILE,
    allowedHosts: allowedHosts(settings),
    dataDir: settings.DATA_DIR,
    levels,
    defaultPolicy: readDefaultPolicy(settings, levels),
    maxEmDropLimit: settings.MAX_EM_DROP_LIMIT,
    dedupSeconds: settings.DEDUP_SECONDS,
    decisionLogSeconds: settings.DECISION_LOG_SECONDS,
    decisionLogMib: settings.DECISION_LOG_MIB,
    decisionLogTreatedShare: settings.DECISION_LOG_TREATED_SHARE,
    stopLogMib: settings.STOP_LOG_MIB,
    decisionLogFile: settings.DECISION_LOG_FILE,
    maxContexts: settings.MAX_CONTEXTS,
    pollSeconds: settings.POLL_SECONDS,
    leaseSeconds: settings.LEASE_SECONDS,
    /** Time out of step with the store after which decisions are marked stale. */
    staleAfterSeconds: Math.min(30, settings.MAX_STALENESS_SECONDS / 2),
    maxStalenessSeconds: settings.MAX_STALENESS_SECONDS,
    pauseStopping: settings.PAUSE_STOPPING,
    shutdownSeconds: settings.SHUTDOWN_SECONDS,
  }
}

function checkAccess ({ HOST, ACCESS_TOKENS, ACCESS_TOKENS_FILE, ALLOW_ANONYMOUS }: Settings): void {
  if (ACCESS_TOKENS !== '' && ACCESS_TOKENS_FILE !== '') throw new ConfigError('ACCESS_TOKENS and ACCESS_TOKENS_FILE cannot both be set: unset one of them')
  if (ACCESS_TOKENS !== '' || ACCESS_TOKENS_FILE !== '' || ALLOW_ANONYMOUS || isLoopback(HOST)) return
  throw new ConfigError(`HOST ${HOST} accepts other machines, and without tokens any of them may call every route: set ACCESS_TOKENS ` +
    '(see stopgate token --help), or HOST=127.0.0.1, or ALLOW_ANONYMOUS=true if the network keeps others out')
}

/** Hosts that are answered without tokens, besides those of this machine. */
function allowedHosts ({ ALLOWED_HOSTS }: Settings): readonly string[] {
  return ALLOWED_HOSTS === '' ? [] : ALLOWED_HOSTS.split(',').map((name) => name.trim())
}

function checkTls (settings: Settings): void {
  for (const prefix of ['TLS', 'REDIS'] as const) {
    const [cert, key] = [`${prefix}_CERT_FILE`, `${prefix}_KEY_FILE`] as const
    if ((settings[cert] === '') !== (settings[key] === '')) throw new ConfigError(`${cert} and ${key} must be set together: set both or neither`)
  }
}

function checkRedis ({ REDIS_URL, ...settings }: Settings): void {
  let isTls = false
  try { if (REDIS_URL !== '') isTls = redisAddress(REDIS_URL).isTls } catch (error) {
    throw new ConfigError(`REDIS_URL ${(error as Error).message}`)
  }
  const unused = !isTls && (['REDIS_CA_FILE', 'REDIS_CERT_FILE'] as const).find((name) => settings[name] !== '')
  if (unused) throw new ConfigError(`${unused} requires TLS: start REDIS_URL with rediss`)
}

/** Environment variables named like policy fields, which are not settings. Names of a single word may belong to other programs. */
export function misplacedPolicyFields (env: NodeJS.ProcessEnv): string[] {
  return Object.keys(DEFAULT_POLICY).map((field) => field.toUpperCase()).filter((name) => name.includes('_') && env[name] !== undefined)
}

const patchProblem = itemValidator(PolicyPatchSchema)

function readDefaultPolicy ({ DEFAULT_POLICY: text, MAX_EM_DROP_LIMIT: limit }: Settings, levels: readonly string[]): PolicyPatch {
  let patch: PolicyPatch
  try { patch = JSON.parse(text) } catch { throw new ConfigError(`DEFAULT_POLICY is not valid JSON: ${text.slice(0, 100)}`) }
  const policy = { ...DEFAULT_POLICY, ...patch }
  const problem = patchProblem(patch) ?? boundProblem(patch, limit) ?? poolProblem(policy, levels)
  if (problem !== null) throw new ConfigError(`DEFAULT_POLICY${problem.path} ${problem.message}`)
  return patch
}
