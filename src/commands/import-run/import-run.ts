import { setTimeout } from 'node:timers/promises'
import type { Hints } from './found.js'
import { FileError } from '../command-line/command-error.js'
import { RunFile } from './run-file.js'
import { filesIn } from './run-folder.js'
import { reportsOf, send, type Totals } from './send.js'
import { createHttpClient, type HttpClient } from '../command-line/http-client.js'
import { readServiceFlags, SERVICE_FLAGS } from '../command-line/service-flags.js'
import { fraction, parseFlags, wholeNumber } from '../command-line/parse-flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { UsageError } from '../command-line/command-error.js'

export const usage = `Usage: stopgate import-run FILE... --run NAME [options]

Reports the checkpoints of a training run to the service. A FILE may be JSON lines of checkpoints, results of
lm-evaluation-harness, a Hugging Face trainer_state.json, or a TensorBoard event file with tags such as
eval/<suite>/exact_match and eval/<suite>/tokens_mean; the content decides which. A folder stands for all such files in
it. Importing a file again adds nothing. Checkpoints that cannot be reported are named on standard error; the others are
reported, and the exit code is 1.

Options:
  --run NAME         name of the run (required)
  --url URL          address of the service (default: http://127.0.0.1:8080)
  --token TOKEN      token of role trainer (default: STOPGATE_TOKEN; prefer that, since other users of this machine can
                     see command lines)
  --follow           keep watching for growing, replaced and new files until interrupted; the newest step of an event
                     file is reported once it has all figures of the step before, or after 130 s without change
  --poll SECONDS     time between two looks at the files, 0.1 to 3600 s (default: 2)
  --context L=V,...  context that the checkpoints serve; each new step opens a new epoch there
  --percent          EM is in percent, not a fraction

Options for what the files do not say:
  --suite NAME       what was evaluated
  --step N           step of the checkpoint (lm-evaluation-harness: default from the path, e.g. checkpoint-500, iter_500)
  --n N              number of questions evaluated
  --tokens-mean X    mean number of tokens of a response (lm-evaluation-harness: default from a metric tokens_mean)
  --filter NAME      filter of lm-evaluation-harness (default: strict-match, else the first)

Example:
  stopgate import-run runs/ppo-7b --run ppo-7b --follow
`

interface Options {
  readonly files: readonly string[]
  readonly run: string
  readonly url: string
  readonly token: string | undefined
  readonly isFollowing: boolean
  readonly pollMs: number
  readonly hints: Hints
}

/** `stopgate import-run`: files in, checkpoints reported. */
export async function run (args: readonly string[], { env, stdout, stderr }: CommandIo): Promise<void> {
  const options = readOptions(args, env)
  const interrupt = new AbortController()
  const note = (line: string) => { stderr.write(`import-run: ${line}\n`) }
  const { url, token, isFollowing } = options
  const client = createHttpClient(url, 1, { token, onWait: note, signal: interrupt.signal, ...(isFollowing && { patienceMs: Infinity }) })
  const onInterrupt = () => interrupt.abort()
  for (const signal of SIGNALS) process.once(signal, onInterrupt)
  const totals: Totals = { accepted: 0, attempts: 0, duplicates: 0, rejected: 0 }
  const damaged = new Map<string, string>()
  try {
    await importAll(options, client, totals, damaged, interrupt.signal, note)
    await writeAll(stdout, `${JSON.stringify({ run: options.run, ...totals })}\n`)
  } finally {
    for (const signal of SIGNALS) process.off(signal, onInterrupt)
    client.close()
  }
  if (damaged.size > 0) throw new FileError(`of the files ${damaged.size} could not be read, or not to their end: see above`)
  if (totals.rejected > 0) throw new FileError(`of the checkpoints ${totals.rejected} could not be reported: see above`)
}

/** Checkpoints of a file that are named at a time. */
const MOST_TOLD = 20
const SIGNALS = ['SIGINT', 'SIGTERM']

async function importAll (
  { files, run, isFollowing, pollMs, hints }: Options, client: HttpClient, totals: Totals, damaged: Map<string, string>, stop: AbortSignal,
  note: (line: string) => void
): Promise<void> {
  const known = new Map<string, RunFile>()

  function onDamage (name: string, { message }: Error): void {
    if (damaged.get(name) !== message) note(message) // said once, however often it is looked at
    damaged.set(name, message)
  }

  async function namesIn (path: string): Promise<string[]> {
    try { return await filesIn(path, isFollowing) } catch (error) {
      if (!(error instanceof FileError)) throw error
      onDamage(path, error)
      return []
    }
  }

  for (;;) {
    for (const path of files) {
      for (const name of await namesIn(path)) {
        const file = known.get(name) ?? new RunFile(name, hints, (problem) => onDamage(name, problem))
        known.set(name, file)
        const found = [...await file.read(!isFollowing), ...stop.aborted ? file.finish() : []]
        let bad = 0
        const reject = (problem: string) => {
          totals.rejected++
          if (++bad <= MOST_TOLD) note(problem)
        }
        await send(run, client, reportsOf(found, hints, reject), totals, note, reject)
        if (bad > MOST_TOLD) note(`${name}: ${bad - MOST_TOLD} more that could not be reported`)
      }
    }
    if (!isFollowing) {
      if (totals.accepted + totals.duplicates + totals.rejected + damaged.size === 0) throw new FileError(`${files.join(', ')}: no checkpoints in there`)
      return
    }
    if (stop.aborted) return
    await setTimeout(pollMs, undefined, { signal: stop }).catch(() => {})
  }
}

function readOptions (args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values, positionals: files } = parseFlags(args, {
    ...SERVICE_FLAGS,
    run: { type: 'string' },
    follow: { type: 'boolean', default: false },
    poll: { type: 'string', default: '2' },
    context: { type: 'string' },
    percent: { type: 'boolean', default: false },
    suite: { type: 'string' },
    step: { type: 'string' },
    n: { type: 'string' },
    'tokens-mean': { type: 'string' },
    filter: { type: 'string' },
  })
  if (files.length === 0) throw new UsageError('import-run needs at least one FILE')
  if (values.run === undefined || values.run === '') throw new UsageError('import-run needs --run NAME')
  if (NO_PATHS.has(values.run)) throw new UsageError('--run must be a name that can stand in an address: not . or ..')
  const { step, n, 'tokens-mean': tokens } = values
  return {
    files,
    run: values.run,
    ...readServiceFlags(values, env),
    isFollowing: values.follow,
    pollMs: fraction('--poll', values.poll, 0.1, 3600) * 1000,
    hints: {
      suite: values.suite,
      filter: values.filter,
      isPercent: values.percent,
      context: values.context === undefined ? undefined : readContext(values.context),
      step: step === undefined ? undefined : wholeNumber('--step', step, 0, Number.MAX_SAFE_INTEGER),
      n: n === undefined ? undefined : wholeNumber('--n', n, 1, 1e9),
      tokensMean: tokens === undefined ? undefined : fraction('--tokens-mean', tokens, 0, 1e9),
    },
  }
}

/** Clients take them for steps up an address. */
const NO_PATHS: ReadonlySet<string> = new Set(['.', '..'])

function readContext (text: string): Record<string, string> {
  const parts = text.split(',').map((part) => part.split('='))
  if (parts.some((part) => part.length !== 2 || part.includes(''))) throw new UsageError(`--context must be level=value,level=value, not ${JSON.stringify(text)}`)
  return Object.fromEntries(parts)
}
