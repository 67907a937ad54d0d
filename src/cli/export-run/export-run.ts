import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkpoint } from '../../core/training-runs/checkpoint.js'
import type { PointView } from '../../core/training-runs/series.js'
import type { Scalar } from '../event-files/event.js'
import { createHttpClient, type HttpClient } from '../command-line/http-client.js'
import { readServiceFlags, SERVICE_FLAGS, parseFlags } from '../command-line/flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { UsageError } from '../command-line/command-error.js'
import { replaceEvents, replaceFile, type SuiteEvent } from './replace-events.js'

export const usage = `Usage: stopgate export-run NAME --out FOLDER [options]

Writes the checkpoints of a training run to a file and prints its path: a TensorBoard event file with the latest figures
of each step, in a folder below FOLDER; or JSON lines with all attempts, which import-run reads.

Options:
  --out FOLDER     folder to write to, created if absent (required)
  --format FORMAT  tensorboard or jsonl (default: tensorboard)
  --url URL        address of the service (default: http://127.0.0.1:8080)
  --token TOKEN    operator token (default: STOPGATE_TOKEN)

Example:
  stopgate export-run ppo-7b --out board && tensorboard --logdir board
`

type Shown = Omit<PointView, 'received_at'> & { readonly received_at: string }

interface Run { readonly suites: ReadonlyArray<{ readonly suite: string, readonly points: readonly Shown[] }> }

/** `stopgate export-run`. */
export async function run (args: readonly string[], { env, stdout, stderr }: CommandIo): Promise<void> {
  const { values, positionals } = parseFlags(args, { ...SERVICE_FLAGS, out: { type: 'string' }, format: { type: 'string', default: 'tensorboard' } })
  const [name] = positionals
  if (name === undefined || positionals.length > 1) throw new UsageError('export-run needs the NAME of one run')
  if (values.out === undefined || values.out === '') throw new UsageError('export-run needs --out FOLDER')
  if (values.format !== 'tensorboard' && values.format !== 'jsonl') throw new UsageError(`--format must be tensorboard or jsonl, not ${JSON.stringify(values.format)}`)
  const { url, token } = readServiceFlags(values, env)
  const client = createHttpClient(url, 1, { token, onWait: (why) => { stderr.write(`export-run: ${why}\n`) } })
  try {
    const path = await write(await readRun(client, name), name, values.out, values.format)
    await writeAll(stdout, `${path}\n`)
  } finally {
    await client.close()
  }
}

/** Writes the run's file. @returns its path */
async function write (trainingRun: Run, name: string, out: string, format: 'tensorboard' | 'jsonl'): Promise<string> {
  const folder = format === 'jsonl' ? out : join(out, encodeURIComponent(name)) // TensorBoard names a run after its folder
  await mkdir(folder, { recursive: true })
  if (format === 'tensorboard') return await replaceEvents(folder, eventsOf(trainingRun))
  const path = join(folder, `${encodeURIComponent(name)}.jsonl`)
  await replaceFile(path, linesOf(trainingRun))
  return path
}

/** All points of a run, suite by suite. */
async function readRun (client: HttpClient, name: string): Promise<Run> {
  const path = `/v1/training-runs/${encodeURIComponent(name)}`
  const { suites } = await client.send('GET', `${path}?last=1`) as Run
  const complete: Array<Run['suites'][number]> = []
  for (const { suite } of suites) complete.push(...(await client.send('GET', `${path}?last=1000&suite=${encodeURIComponent(suite)}`) as Run).suites)
  return { suites: complete }
}

const PLOTTED = [
  'em_low', 'em_high', 'n', 'em_stderr', 'em_estimate_low', 'em_estimate_high', 'tokens_mean', 'tokens_spent_mean', 'tokens_p50', 'tokens_p95',
  'stop_rate', 'truncated_rate', 'advantage_variance', 'threshold',
] as const

function eventsOf ({ suites }: Run): SuiteEvent[] {
  return suites.flatMap(({ suite, points }) => points.map((point) => {
    const scalars: Scalar[] = [{ tag: `eval/${suite}/exact_match`, value: point.em }]
    for (const field of PLOTTED) if (typeof point[field] === 'number') scalars.push({ tag: `eval/${suite}/${field}`, value: point[field] })
    return { suite, wallTime: Date.parse(point.at ?? point.received_at) / 1000, step: point.step, scalars }
  }))
}

/** The run as JSON lines, attempts in their order, so that importing them gives the same run. */
function linesOf ({ suites }: Run): string {
  const checkpoints = suites.flatMap(({ suite, points }) =>
    points.flatMap(({ earlier_attempts: earlier, ...newest }) => [...earlier, reported(suite, newest)]))
  return checkpoints.map((checkpoint) => JSON.stringify(checkpoint) + '\n').join('')
}

/** Fields that the service derives, so a report does not have them. */
const DERIVED = new Set(['em_low', 'em_high', 'tokens_low', 'tokens_high', 'received_at', 'is_replay', 'predates_replay'])

function reported (suite: string, { at, ...point }: Omit<Shown, 'earlier_attempts'>): Checkpoint {
  const figures = Object.fromEntries(Object.entries(point).filter(([field]) => !DERIVED.has(field))) as Omit<Checkpoint, 'suite'>
  return { ...figures, suite, ...(at !== null && { at }) }
}
