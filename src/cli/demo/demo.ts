import { ConfigError } from '../../settings/environment.js'
import { scaledTimes } from '../../core/evidence/index.js'
import { contextKey, DEFAULT_POLICY } from '../../core/policy/index.js'
import { CommandError, UsageError } from '../command-line/command-error.js'
import { alignColumns, type CommandIo } from '../command-line/command-io.js'
import { createHttpClient } from '../command-line/http-client.js'
import { parseFlags, wholeNumber } from '../command-line/flags.js'
import { startTemporaryService } from '../command-line/temporary-service.js'
import { playDemo, PARTS, type DemoEvent, type DemoResult, type Part } from './play-demo.js'
import { PROFILES, type Profile } from '../traces/simulated-generation.js'
import { addScores, savedRatio, trueEmDrop, type Score } from './demo-fleet.js'

export const usage = `Usage: stopgate demo [options]

Starts a service with an empty store and plays simulated models against it. Thresholds are certified, one model is
replaced without telling the service, an alarm withdraws its threshold, and it is learned again. Takes one to two minutes.
Watch the page of the service meanwhile; Ctrl-C ends the demo.

Options:
  --port N      port of the service (default: 8080, or a free one if that is in use)
  --seed N      seed of the simulated models (default: 1)
  --width N     generations of each model at a time, 1 to 1000 (default: 64)
  --stretch N   generations between a certificate and the next event, 1 to 100000 (default: 2500)
  --step-ms N   time from one step of all generations to the next, ms (default: 20)
  --keep        leave the service running at the end, until Ctrl-C

Example:
  stopgate demo --port 8090
`

/** The demo runs faster than real traffic: generations take a second instead of half a minute, and come a hundred times as often. */
const FOLLOW_UP_SECONDS = 30
const TIMES = scaledTimes(0.25)

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
    stdout.write(`${MODELS.length} simulated models, ${width} generations of each at a time, against a service that has no evidence yet.\nIts evidence counts at once; real traffic needs at least half an hour (evidence_span_seconds).\nWatch it at ${service.url}/ - Ctrl-C ends it.\n\n`)
    const startedAt = performance.now()
    const onEvent = (event: DemoEvent) => { stdout.write(renderEvent(event, (performance.now() - startedAt) / 1000)) }
    const result = await playDemo({
      client, seed, models: MODELS, replacement: REPLACEMENT, width, stepMs, stretch, signal: stop.signal, onEvent,
    })
    stdout.write(renderSummary(result, contextKey(Object.keys(REPLACEMENT.context), REPLACEMENT.context), DEFAULT_POLICY.max_em_drop))
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
const DEFAULT_PORT = 8080
/** The traffic of the demo does not change with time, so evidence of a few minutes is enough. */
// Its workers ask at every step of the simulated generations, which are 32 tokens apart.
const POLICY = JSON.stringify({ follow_up_seconds: FOLLOW_UP_SECONDS, evidence_span_seconds: 0, check_every_tokens: 32, check_growth: 0 })

/** Starts the service on the port, or, if none was given, on the default port or a free one. */
async function start (port: number | null) {
  const env = { LOG_LEVEL: 'silent', DEFAULT_POLICY: POLICY, POLL_SECONDS: '0.2' }
  try {
    return await startTemporaryService('demo', { ...env, PORT: String(port ?? DEFAULT_PORT) }, { times: TIMES })
  } catch (error) {
    if (port === null && error instanceof ConfigError && error.message.includes('in use')) return await startTemporaryService('demo', { ...env, PORT: '0' }, { times: TIMES })
    throw new CommandError(`the service of the demo could not start: ${(error as Error).message}`, { cause: error })
  }
}

/** A model that reasons twice as long, well past the point where it finds its answer, so that stopping saves a lot. */
const withLongerReasoning = (profile: Profile): Profile => ({ ...profile, medianSteps: 2 * profile.medianSteps })

const [steady, bold, choices] = PROFILES.map(withLongerReasoning) as [Profile, Profile, Profile]

/** The models of the demo, one for each context. The first one is replaced half-way. */
export const MODELS: readonly Profile[] = [steady, bold, choices]

/** The replacement of the first model: it is sure of its answers too early. */
export const REPLACEMENT: Profile = { ...bold, context: steady.context }

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`
const points = (ratio: number): string => `${(100 * ratio).toFixed(2)} points`
const whole = (count: number): string => count.toLocaleString('en-GB')

/** A line about an event. @param seconds since the start */
export function renderEvent (event: DemoEvent, seconds: number): string {
  const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
  return `${time.padStart(6)}  ${textOf(event)}\n`
}

function textOf (event: DemoEvent): string {
  if (event.type === 'progress') return `${whole(event.score.generations)} generations, ${percent(savedRatio(event.score))} of the tokens saved`
  if (event.type === 'replaced') return `${event.key}: the model is replaced by another, which is sure too early. The service is not told`
  const { change: { key, cause, before, after }, generations } = event
  const at = `after ${whole(generations)} generations`
  if (cause === 'drift' || cause === 'breach') return `${key}: ALARM (${cause}), the threshold is withdrawn`
  if (before === null) return `${key}: certified ${at}: stop at a score of ${after!.toFixed(4)}`
  if (after === null) return `${key}: the threshold is withdrawn (${cause})`
  return `${key}: ${after < before ? 'looser' : 'stricter'}, stop at ${after.toFixed(4)}`
}

const TITLES: Readonly<Record<Part, string>> = {
  learning: 'until the first certificate',
  certified: 'certified',
  drifted: 'replaced, until the alarm',
  relearning: 'until certified again',
  recertified: 'certified again',
}

/** The result of the demo. @param key of the first model's context @param bound the policy's max_em_drop */
export function renderSummary ({ first, total, certifiedSeconds, part }: DemoResult, key: string, bound: number): string {
  const rows = PARTS.slice(0, PARTS.indexOf(part) + 1).map((name) => [TITLES[name], ...cells(first[name])])
  const exceeding = (['certified', 'recertified'] as const).filter((name) => first[name].treated >= MIN_TREATED && trueEmDrop(first[name]) > bound)
  const table = alignColumns([['', 'generations', 'in control', 'tokens saved', 'true EM drop'], ...rows], [true, false, false, false, false])
  const safe = addScores(first.certified, first.recertified)
  const { drifted } = first
  return [
    '',
    key,
    ...table.map((line) => `  ${line}`),
    '',
    `All models: ${whole(total.generations)} generations, ${percent(savedRatio(total))} of the tokens saved, net of probes.`,
    ...(Number.isFinite(certifiedSeconds) ? [`First certificate of ${key}: after ${whole(first.learning.generations)} generations, ${certifiedSeconds.toFixed(0)} s.`] : []),
    ...(safe.treated >= MIN_TREATED ? [`Under a certificate for the same model: true EM drop ${points(trueEmDrop(safe))}, allowed ${points(bound)}.`] : []),
    ...(exceeding.length > 0 ? [`More than allowed: ${exceeding.map((name) => TITLES[name]).join(', ')}. ${TOO_MUCH}`] : []),
    ...(part === 'relearning' || part === 'recertified'
      ? [`The replacement was detected after ${whole(drifted.generations)} generations, ${whole(drifted.control)} of them control${
        drifted.treated < MIN_TREATED ? '' : `; until then its true EM drop was ${points(trueEmDrop(drifted))}, which no certificate covers`}.`]
      : []),
    '',
  ].join('\n')
}

/** A certificate may be wrong, by its error level. */
const TOO_MUCH = 'One certificate in twenty may be wrong; an alarm withdraws it, later the nearer the loss is to what is allowed.'

/** With fewer treated generations than this, an EM drop is mostly noise. */
const MIN_TREATED = 30

function cells (score: Score): string[] {
  return [whole(score.generations), whole(score.control), percent(savedRatio(score)), score.treated < MIN_TREATED ? '-' : points(trueEmDrop(score))]
}
