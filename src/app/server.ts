import cluster from 'node:cluster'
import { setFlagsFromString } from 'node:v8'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import { assemble, type AssemblyOptions } from './assemble.js'
import { closeOnSignal } from '../service/process/close-on-signal.js'
import { readConfig, misplacedPolicyFields, type Config } from '../service/config/config.js'
import { ConfigError } from '../settings/environment.js'
import { createLog } from '../logging/log.js'
import { startProcesses } from '../service/process/processes.js'
import { watchMainThread } from '../service/process/watch-main-thread.js'
import type { Telemetry } from '../service/telemetry/telemetry.js'
import { telemetrySignals } from '../service/telemetry/telemetry-signals.js'

/** After SIGTERM, replies ask clients to close their connections until no request has come for so long, ms. */
const LINGER_MS = 500
/** Limits, as parts of the time for a shutdown: of the wait for one more request, and of all such waits together. */
const LINGER = { wait: 0.1, all: 0.25 }
/** Interval at which idle connections are closed after that, ms. */
const IDLE_MS = 50

/** Fields of errors that may hold secrets: the bytes of a malformed request, and the arguments of a refused Redis command. */
const NEVER_LOGGED = { paths: ['err.rawPacket', 'err.command'], remove: true }

const createServiceLog = ({ logLevel }: Pick<Config, 'logLevel'>) => createLog({ level: logLevel, redact: NEVER_LOGGED })

/** Loads OpenTelemetry only if the environment asks for it. @throws ConfigError */
async function telemetryFor (env: NodeJS.ProcessEnv): Promise<Telemetry | null> {
  const signals = telemetrySignals(env)
  if (signals === null) return null
  const { startTelemetry } = await import('../service/telemetry/telemetry.js')
  return startTelemetry(signals, env)
}

export interface ServiceOptions extends Pick<AssemblyOptions, 'times'> {
  /** Settings, as in process.env. */
  readonly env: NodeJS.ProcessEnv
  /** By default a log at LOG_LEVEL. */
  readonly log?: Logger
}

export interface Running { readonly url: string, readonly config: Config, readonly log: Logger, readonly close: () => Promise<void> }

/**
 * Starts the whole service: store, snapshot, learner, HTTP.
 * @throws ConfigError that names the setting
 */
export async function startService ({ env, times, log: given }: ServiceOptions): Promise<Running> {
  const config = readConfig(env)
  const log = given ?? createServiceLog(config)
  for (const name of misplacedPolicyFields(env)) log.warn({ setting: name }, 'this environment variable is not a setting: put policy fields into DEFAULT_POLICY, such as {"max_em_drop":0.02}')
  const telemetry = await telemetryFor(env)
  const { app } = await assemble(config, log, { telemetry, ...(times && { times }) })
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await app.close()
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new ConfigError(`PORT ${config.port} is in use on ${config.host}: stop the program that uses it, or set another PORT`)
    throw new ConfigError(`HOST ${config.host}, PORT ${config.port}: ${message}`)
  }
  const { port } = app.server.address() as { port: number }
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  return { url: `${config.tlsCertFile === '' ? 'http' : 'https'}://${host}:${port}`, config, log, close }

  /**
   * Answers the requests in flight, then closes everything in order. A client may be writing to an idle connection while it is closed, so
   * replies only announce the close while requests come. A client that stalls is disconnected after 80 % of the time.
   */
  async function close (): Promise<void> {
    const cutOff = globalThis.setTimeout(() => { app.server.closeAllConnections() }, config.shutdownSeconds * 800)
    const since = performance.now()
    let requested = since
    app.server.prependListener('request', (_request, reply) => {
      requested = performance.now()
      reply.setHeader('connection', 'close')
    })
    const limit = 1000 * config.shutdownSeconds
    const lingersUntil = () => Math.min(requested + Math.min(LINGER_MS, LINGER.wait * limit), since + LINGER.all * limit)
    for (let left; (left = lingersUntil() - performance.now()) > 0;) await setTimeout(left)
    const idle = setInterval(() => { app.server.closeIdleConnections() }, IDLE_MS) // connections whose replies were under way
    try {
      await app.close()
    } finally {
      clearInterval(idle)
      clearTimeout(cutOff)
    }
  }
}

/**
 * How far the heap may grow over the size after the last full collection, %. By default V8 lets it grow up to fourfold, which left 60 MiB
 * more uncollected with large batches. At 20 %, collections were so frequent that compiled code was discarded, and each request took a
 * tenth longer.
 */
const HEAP_GROWTH = 100

/**
 * Runs the service in the configured number of processes until SIGTERM or SIGINT, even if that comes during the start. Resolves once it
 * listens.
 * @throws like startService
 */
export async function serve ({ env, times }: ServiceOptions): Promise<void> {
  const { shutdownSeconds, processes, logLevel } = readConfig(env)
  const log = createServiceLog({ logLevel })
  if (processes > 1 && cluster.isPrimary) {
    await startProcesses({ processes, shutdownSeconds }, log)
    return
  }
  const unwatch = watchMainThread()
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`) // V8 reads the flag at each collection
  const starting = startService({ env, log, ...(times && { times }) })
  const removeHandlers = closeOnSignal({ delayMs: shutdownSeconds * 1000, log }, async ({ signal, err }) => {
    const { close } = await starting
    if (err) log.fatal({ err }, 'closing after an error')
    else log.info({ signal }, 'closing')
    await close()
    log.info('closed')
  })
  try {
    const { url, config } = await starting
    log.info({ url, store: config.redisUrl === '' ? `embedded in ${config.dataDir}` : 'redis', docs: `${url}/docs` }, 'stopgate is listening')
  } catch (error) {
    unwatch()
    removeHandlers()
    cluster.worker?.disconnect() // its channel would keep the process alive
    throw error
  }
}
