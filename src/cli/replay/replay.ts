import { writeFile } from 'node:fs/promises'
import { createHttpClient } from '../command-line/http-client.js'
import { startOwnService } from './own-service.js'
import { startProgress } from './progress.js'
import { readTraces } from '../traces/read-traces.js'
import type { RecordedRun } from '../traces/recorded-run.js'
import { renderTable } from './render-table.js'
import { runReplay, type ReplayResult } from './run-replay.js'
import { createServiceClient } from './service-client.js'
import { parseFlags, wholeNumber } from '../command-line/parse-flags.js'
import { readServiceFlags } from '../command-line/service-flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { CommandError, UsageError } from '../command-line/command-error.js'

export const usage = `Usage: stopgate replay FILE... [options]

Sends recorded generations through the HTTP API, step by step, as workers would. Prints a table of the tokens saved and
the Exact Match lost in each context, beside other ways to stop.

  FILE               JSON lines, one outcome each: a full run with its EM at every step; it may be compressed
                     (.gz); - reads standard input

Options:
  --url URL          address of the service (default: a new service in a temporary folder, with follow_up_seconds 0;
                     it uses CONTEXT_LEVELS, DEFAULT_POLICY, MAX_CONTEXTS and LOG_LEVEL of the environment)
  --token TOKEN      operator token without a prefix, for the service of --url (default: STOPGATE_TOKEN; prefer that,
                     since other users of this machine can see command lines)
  --concurrency N    generations in flight at a time, 1 to 1024 (default: 32)
  --seed N           seed of the order of the groups (default: 1); the service draws the arms with its own salt
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
  for (const signal of SIGNALS) process.once(signal, onInterrupt) // its own service's folder must be removed
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
    const service = createServiceClient(client)
    return await runReplay({ runs, service, requests: client.requests, concurrency, seed, signal, onServed: progress.advance, onNote })
  } finally {
    progress.stop()
    await client.close()
    await own?.close()
  }
}

const OWN_SERVICE_NOTE = 'it uses its own empty service, with follow_up_seconds 0: a replay has no clock, and its order says nothing about the outcomes'

async function print (result: ReplayResult, { files, url, json }: Options, { stdout, stderr }: CommandIo): Promise<void> {
  const { contexts, total, requests, seconds } = result
  const figures = JSON.stringify({ files, url: url ?? null, ...result }, null, 2) + '\n'
  if (json !== undefined && json !== '-') await writeFile(json, figures)
  if (json === '-') await writeAll(stdout, figures)
  stderr.write(`replay: ${requests} requests in ${seconds.toFixed(1)} s, ${Math.round(requests / seconds)} a second\n\n`)
  await writeAll(json === '-' ? stderr : stdout, renderTable(contexts, total))
}
