import { writeFile } from 'node:fs/promises'
import { SingleBar } from 'cli-progress'
import { createHttpClient } from '../command-line/http-client.js'
import { readTraces } from '../traces/read-traces.js'
import type { RecordedRun } from '../traces/recorded-run.js'
import { renderTable } from './comparison.js'
import { runReplay, type ReplayResult } from './run-replay.js'
import { createReplayClient } from './service-client.js'
import { parseFlags, wholeNumber, readServiceFlags } from '../command-line/flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { CommandError, UsageError } from '../command-line/command-error.js'
import { startTemporaryService } from '../command-line/temporary-service.js'
import type { PlayedRun } from './play-runs.js'

export const usage = `Usage: stopgate replay FILE... [options]

Sends recorded generations through the HTTP API, step by step, as workers would. Prints a table of the tokens saved and
the Exact Match lost in each context, compared with other ways to stop.

  FILE               JSON lines, one outcome each: a full run with its EM at every step; it may be compressed (.gz);
                     - reads standard input

Options:
  --url URL          address of the service (default: a new service in a temporary folder, with follow_up_seconds 0;
                     it uses CONTEXT_LEVELS, DEFAULT_POLICY, MAX_CONTEXTS and LOG_LEVEL of the environment)
  --token TOKEN      operator token without a prefix, for the service of --url (default: STOPGATE_TOKEN)
  --concurrency N    generations in flight at a time, 1 to 1024 (default: 32)
  --seed N           seed of the order of the groups (default: 1)
  --json FILE        also write all figures to FILE as JSON; - writes them to standard output, and the table to
                     standard error

Example:
  stopgate simulate > traces.jsonl && stopgate replay traces.jsonl
`

/** `stopgate replay`: plays traces against a service and prints a table. */
export async function run (args: readonly string[], io: CommandIo): Promise<void> {
  const options = readOptions(args, io.env)
  const runs = await readTraces(options.files)
  const interrupt = new AbortController()
  const onInterrupt = () => interrupt.abort(new Interrupted('interrupted'))
  for (const signal of SIGNALS) process.once(signal, onInterrupt) // so that the folder of a temporary service is removed
  try {
    await print(await play(runs, options, io, interrupt.signal), options, io)
  } finally {
    for (const signal of SIGNALS) process.off(signal, onInterrupt)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM']

class Interrupted extends CommandError { override readonly exitCode = 130 }

type Options = ReturnType<typeof readOptions>

function readOptions (args: readonly string[], env: NodeJS.ProcessEnv) {
  const { values, positionals: files } = parseFlags(args, {
    url: { type: 'string' },
    token: { type: 'string' },
    concurrency: { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  })
  if (files.length === 0) throw new UsageError('replay needs at least one FILE of traces')
  if (values.token !== undefined && values.url === undefined) throw new UsageError('--token needs --url')
  const { url, token } = values.url === undefined ? values : readServiceFlags({ ...values, url: values.url }, env)
  return {
    files,
    url,
    token,
    concurrency: wholeNumber('--concurrency', values.concurrency, 1, 1024),
    seed: wholeNumber('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    json: values.json,
  }
}

async function play (
  runs: readonly RecordedRun[], options: Options, { env, stderr }: CommandIo, signal: AbortSignal): Promise<ReplayResult> {
  const { url, token, concurrency, seed } = options
  const onNote = (note: string) => { stderr.write(`replay: ${note}\n`) }
  const own = url === undefined ? await startOwnService(env) : null
  if (own !== null) onNote(OWN_SERVICE_NOTE)
  const client = createHttpClient(url ?? own!.url, concurrency, { token })
  const progress = startProgress(runs.length, stderr)
  try {
    const service = createReplayClient(client)
    return await runReplay({ runs, service, requests: client.requests, concurrency, seed, signal, onServed: progress.advance, onNote })
  } finally {
    progress.stop()
    await client.close()
    await own?.close()
  }
}

const OWN_SERVICE_NOTE = 'it starts an empty service with follow_up_seconds 0: generations are replayed in random order, so outcomes may count on arrival'

async function print (result: ReplayResult, { files, url, json }: Options, { stdout, stderr }: CommandIo): Promise<void> {
  const { contexts, total, requests, seconds } = result
  const figures = JSON.stringify({ files, url: url ?? null, ...result }, null, 2) + '\n'
  if (json !== undefined && json !== '-') await writeFile(json, figures)
  if (json === '-') await writeAll(stdout, figures)
  stderr.write(`replay: ${requests} requests in ${seconds.toFixed(1)} s, ${Math.round(requests / seconds)} a second\n\n`)
  await writeAll(json === '-' ? stderr : stdout, renderTable(contexts, total))
}

/**
 * Starts a service in a new temporary folder, which is removed when it closes. It takes LOG_LEVEL and the settings that change what is
 * learned (CONTEXT_LEVELS, DEFAULT_POLICY, MAX_CONTEXTS), but never REDIS_URL, which may be in production.
 */
export async function startOwnService (env: NodeJS.ProcessEnv) {
  const { CONTEXT_LEVELS, MAX_CONTEXTS, LOG_LEVEL = 'silent' } = env
  try {
    return await startTemporaryService('replay', {
      ...(CONTEXT_LEVELS !== undefined && { CONTEXT_LEVELS }),
      ...(MAX_CONTEXTS !== undefined && { MAX_CONTEXTS }),
      LOG_LEVEL,
      DEFAULT_POLICY: countingOnArrival(env.DEFAULT_POLICY),
      PORT: '0',
      POLL_SECONDS: '0.2',
    })
  } catch (error) {
    throw new CommandError(`the replay's own service could not start: ${(error as Error).message}`, { cause: error })
  }
}

/** A default policy with which outcomes count on arrival: a replay has no clock, and its order is random. */
function countingOnArrival (policy: string | undefined): string {
  if (policy === undefined) return '{"follow_up_seconds":0}'
  try {
    return JSON.stringify({ ...JSON.parse(policy), follow_up_seconds: 0 })
  } catch {
    return policy // the service reports what is wrong with it
  }
}

/** Shows the progress of a replay: a bar on a terminal, otherwise a line every 10 %. */
export function startProgress (total: number, stream: CommandIo['stderr']) {
  let done = 0
  let tokens = 0
  let fullTokens = 0
  const saved = () => `${(100 * (fullTokens === 0 ? 0 : 1 - tokens / fullTokens)).toFixed(1)} %`
  const show = stream.isTTY ? bar(total, stream) : plainLines(total, stream)
  return {
    advance (served: PlayedRun) {
      done++
      tokens += served.tokens
      fullTokens += served.run.tokens
      show.update(done, saved())
    },
    stop: show.stop,
  }
}

function bar (total: number, stream: CommandIo['stderr']) {
  const single = new SingleBar({ stream, format: 'replay [{bar}] {percentage} % | {value}/{total} generations | saved {saved} | {eta_formatted} left' })
  single.start(total, 0, { saved: '0.0 %' })
  return { update: (done: number, saved: string) => single.update(done, { saved }), stop: () => single.stop() }
}

function plainLines (total: number, stream: CommandIo['stderr']) {
  let next = 1
  return {
    update (done: number, saved: string) {
      if (done < total * next / 10) return
      while (done >= total * next / 10) next++
      stream.write(`replay: ${(next - 1) * 10} %, ${done} of ${total} generations, saved ${saved} of the tokens\n`)
    },
    stop () {},
  }
}
