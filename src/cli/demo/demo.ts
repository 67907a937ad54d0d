import { ConfigError } from '../../config/settings.js'
import { DEFAULT_POLICY } from '../../core/policy/policy.js'
import { contextKey } from '../../core/policy/context.js'
import { CommandError, UsageError } from '../command-line/command-error.js'
import type { CommandIo } from '../command-line/command-io.js'
import { createHttpClient } from '../command-line/http-client.js'
import { parseFlags, wholeNumber } from '../command-line/parse-flags.js'
import { startTemporaryService } from '../command-line/temporary-service.js'
import { EXCHANGED, MODELS } from './demo-world.js'
import { playDemo } from './play-demo.js'
import { renderEvent, renderSummary } from './render-demo.js'

export const usage = `Usage: stopgate demo [options]

Starts a service with an empty store, and plays simulated models against it whose true losses it knows. Thresholds are
certified, tokens are saved, one model is exchanged behind the service's back, the alarm takes its threshold back, and it
is learned anew. Takes one to two minutes. Open the page of the service meanwhile; Ctrl-C ends the demo.

Options:
  --port N      port of the service (default: 8080, or a free one if that is in use)
  --seed N      seed of the simulated models (default: 1)
  --width N     generations of each model at a time, 1 to 1000 (default: 64)
  --stretch N   generations from a certificate to what happens next, 1 to 100000 (default: 2500)
  --step-ms N   time of a step of all generations, ms (default: 20)
  --keep        leave the service running at the end, until Ctrl-C

Example:
  stopgate demo --port 8090
`

/** Time runs faster here: generations take a second instead of half a minute, and come a hundred times as often as in a context in life. */
const FOLLOW_UP_SECONDS = 30
const TIME_SCALE = '0.25'

/** `stopgate demo`. */
export async function run (args: readonly string[], { stdout, stderr }: CommandIo): Promise<void> {
  const { values, positionals } = parseFlags(args, {
    port: { type: 'string' },
    seed: { type: 'string', default: '1' },
    width: { type: 'string', default: '64' },
    stretch: { type: 'string', default: '2500' },
    'step-ms': { type: 'string', default: '20' },
    keep: { type: 'boolean', default: false },
  })
  if (positionals.length > 0) throw new UsageError(`demo takes no arguments, not ${JSON.stringify(positionals[0])}`)
  const port = values.port === undefined ? null : wholeNumber('--port', values.port, 0, 65_535)
  const seed = wholeNumber('--seed', values.seed, 0, 2 ** 52)
  const width = wholeNumber('--width', values.width, 1, 1000)
  const stretch = wholeNumber('--stretch', values.stretch, 1, 100_000)
  const stepMs = wholeNumber('--step-ms', values['step-ms'], 0, 10_000)

  const service = await start(port)
  const stop = new AbortController()
  const interrupt = () => { stop.abort() }
  for (const signal of SIGNALS) process.on(signal, interrupt)
  const client = createHttpClient(service.url, 2, { signal: stop.signal })
  try {
    stdout.write(`${MODELS.length} simulated models, ${width} generations of each at a time, against a service that knows nothing yet.\nWatch it at ${service.url}/ - Ctrl-C ends it.\n\n`)
    const startedAt = performance.now()
    const tell = (event: Parameters<typeof renderEvent>[0]) => { stdout.write(renderEvent(event, (performance.now() - startedAt) / 1000)) }
    const result = await playDemo({ client, seed, models: MODELS, exchanged: EXCHANGED, width, stepMs, stretch, signal: stop.signal, tell })
    stdout.write(renderSummary(result, contextKey(Object.keys(EXCHANGED.context), EXCHANGED.context), DEFAULT_POLICY.max_em_drop))
    if (values.keep && !stop.signal.aborted) {
      stdout.write(`\nThe service goes on at ${service.url}/ until Ctrl-C.\n`)
      await new Promise((resolve) => { stop.signal.addEventListener('abort', resolve) })
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error
    stderr.write('stopgate: the demo was interrupted\n')
  } finally {
    await client.close()
    await service.close()
    for (const signal of SIGNALS) process.off(signal, interrupt)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const PORT = 8080

/** Starts the service at the port, or, if none was asked for, at the usual one or any free one. */
async function start (port: number | null) {
  const env = { LOG_LEVEL: 'silent', DEFAULT_POLICY: JSON.stringify({ follow_up_seconds: FOLLOW_UP_SECONDS }), POLL_SECONDS: '0.2', ENROLMENT_TIME_SCALE: TIME_SCALE }
  try {
    return await startTemporaryService('demo', { ...env, PORT: String(port ?? PORT) })
  } catch (error) {
    if (port === null && error instanceof ConfigError && error.message.includes('in use')) return await startTemporaryService('demo', { ...env, PORT: '0' })
    throw new CommandError(`the service of the demo could not start: ${(error as Error).message}`, { cause: error })
  }
}
