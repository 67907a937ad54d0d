import cluster from 'node:cluster'
import { setFlagsFromString } from 'node:v8'
import { setTimeout } from 'node:timers/promises'
import { pino, type Logger } from 'pino'
import { assemble } from './assemble.js'
import { closeOnSignal } from '../process/close-on-signal.js'
import { readConfig, misplacedPolicyFields, type Config } from '../config/config.js'
import { ConfigError } from '../config/settings.js'
import { startProcesses } from '../process/processes.js'

/** After SIGTERM, how long clients have to hear with an answer that their connection ends, and to go elsewhere, ms. */
const LINGER_MS = 500
/** And then how often it is looked for connections on which nothing is left to be answered, ms. */
const IDLE_MS = 50

/** Of errors: the bytes of a request that is no HTTP, Authorization header and all; what a refused Redis command was given. */
const NEVER_LOGGED = { paths: ['err.rawPacket', 'err.command'], remove: true }

export interface Running { readonly url: string, readonly config: Config, readonly log: Logger, readonly close: () => Promise<void> }

/**
 * Starts the whole service: store, model, learner, HTTP.
 * @param options.env settings, as in process.env
 * @throws ConfigError that names the setting
 */
export async function startService ({ env }: { env: NodeJS.ProcessEnv }): Promise<Running> {
  const config = readConfig(env)
  const log = pino({ level: config.logLevel, redact: NEVER_LOGGED })
  for (const name of misplacedPolicyFields(env)) log.warn({ setting: name }, 'this is no setting: fields of the policy go into DEFAULT_POLICY, e.g. {"settle_seconds":0}')
  const { app } = await assemble(config, log)
  try {
    await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await app.close()
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') throw new ConfigError(`PORT ${config.port} is taken on ${config.host}: stop what listens there, or set another PORT`)
    throw new ConfigError(`HOST ${config.host}, PORT ${config.port}: ${message}`)
  }
  const { port } = app.server.address() as { port: number }
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  return { url: `${config.tlsCertFile === '' ? 'http' : 'https'}://${host}:${port}`, config, log, close }

  /**
   * Requests in flight are answered; a client that stalls does not keep the rest from closing in order. A connection that is closed while
   * it is idle may just have been written to, so first each answer says that it is the last.
   */
  async function close (): Promise<void> {
    const cutOff = globalThis.setTimeout(() => { app.server.closeAllConnections() }, config.shutdownSeconds * 800)
    app.server.prependListener('request', (_request, reply) => { reply.setHeader('connection', 'close') })
    await setTimeout(Math.min(LINGER_MS, config.shutdownSeconds * 100))
    const idle = setInterval(() => { app.server.closeIdleConnections() }, IDLE_MS) // of those that were being answered already
    try {
      await app.close()
    } finally {
      clearInterval(idle)
      clearTimeout(cutOff)
    }
  }
}

/**
 * By how much the heap may grow over what was alive after the last full collection, %. Left to itself V8 lets it grow up to fourfold, and
 * large columns left 60 MiB more uncollected. At 20 it collected so often that compiled code was lost with the shapes it was compiled for,
 * which cost each request a tenth.
 */
const HEAP_GROWTH = 100

/**
 * Runs the service, in as many processes as wanted, until SIGTERM or SIGINT, also one that comes while it starts. Resolves when it serves.
 * @throws like startService
 */
export async function serve (env: NodeJS.ProcessEnv): Promise<void> {
  const { shutdownSeconds, processes, logLevel } = readConfig(env)
  if (processes > 1 && cluster.isPrimary) {
    await startProcesses({ count: processes, log: pino({ level: logLevel }), shutdownSeconds })
    return
  }
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`) // V8 reads it at each collection
  const starting = startService({ env })
  const takeBack = closeOnSignal(shutdownSeconds * 1000, async ({ signal, err }) => {
    const { log, close } = await starting
    if (err) log.fatal({ err }, 'closing after an error')
    else log.info({ signal }, 'closing')
    await close()
    log.info('closed')
  })
  try {
    const { url, config, log } = await starting
    log.info({ url, store: config.redisUrl === '' ? `embedded in ${config.dataDir}` : 'redis', docs: `${url}/docs` }, 'stopgate serves')
  } catch (error) {
    takeBack()
    cluster.worker?.disconnect() // which would keep the process
    throw error
  }
}
