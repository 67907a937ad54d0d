import { ConfigError } from '../settings/environment.js'
import { createLog } from '../logging/log.js'
import { closeOnSignal } from '../service/process/close-on-signal.js'
import { flagOf, ProxySettingsSchema, readProxySettings } from '../proxy/proxy-settings.js'
import { startProxy } from '../proxy/start-proxy.js'
import { alignColumns, type CommandIo } from './command-line/command-io.js'
import { CommandError, UsageError } from './command-line/command-error.js'
import { parseFlags } from './command-line/flags.js'

const properties = ProxySettingsSchema.properties as Record<string, { description?: string, default?: unknown, enum?: readonly string[] }>
const rows = Object.entries(properties).map(([name, { description = '', default: value, enum: values }]) =>
  [`  --${flagOf(name)}`, name, `${description}${values === undefined ? '' : ` (${values.join(', ')})`}; default ${JSON.stringify(value)}`])

export const usage = `Usage: stopgate proxy --upstream URL [options]

Proxies an OpenAI-compatible model server: clients change only their base_url. The proxy stops the reasoning when the
service's rules say so, lets the model write its answer, and passes everything else through unchanged.

Options, each with its environment variable:
${alignColumns(rows, [true, true, true]).join('\n')}

Example:
  stopgate proxy --upstream http://127.0.0.1:8000 --service http://127.0.0.1:8080 --port 8081
`

/** `stopgate proxy`: runs until it receives SIGTERM or SIGINT. */
export async function run (args: readonly string[], { env }: CommandIo): Promise<void> {
  const options = Object.fromEntries(Object.keys(properties).map((name) => [flagOf(name), { type: 'string' as const }]))
  const { values, positionals } = parseFlags(args, options)
  if (positionals.length > 0) throw new UsageError(`proxy takes no arguments, not ${JSON.stringify(positionals[0])}`)
  const flags = Object.keys(properties).map((name) => [name, values[flagOf(name)]] as const).filter(([, value]) => value !== undefined)
  try {
    const settings = readProxySettings({ ...env, ...Object.fromEntries(flags) })
    const log = createLog({ level: settings.LOG_LEVEL })
    const proxy = await startProxy(settings, log)
    closeOnSignal({ delayMs: settings.PROXY_SHUTDOWN_SECONDS * 1000, log }, async ({ signal, err }) => {
      if (err) log.fatal({ err }, 'closing after an error')
      else log.info({ signal }, 'closing')
      await proxy.close()
      log.info('closed')
    })
    log.info({ url: proxy.url, admin: proxy.adminUrl, upstream: settings.PROXY_UPSTREAM, service: settings.PROXY_SERVICE }, 'stopgate proxy is listening')
  } catch (error) {
    const { message } = error as Error
    throw error instanceof ConfigError ? new UsageError(message) : new CommandError(message, { cause: error })
  }
}
