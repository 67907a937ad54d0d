import { setTimeout } from 'node:timers/promises'
import { FileError } from '../command-line/command-error.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { createHttpClient, type HttpClient } from '../command-line/http-client.js'
import { readImportOptions, type ImportOptions } from './import-options.js'
import { RunFile } from './run-file.js'
import { filesIn } from './file-formats.js'
import { refuseSharedFlags, completeDraft, type FoundCheckpoint, type Hints, type Draft } from './checkpoint-draft.js'
import { readTokenizer } from './sample-lengths.js'

export const usage = `Usage: stopgate import-run FILE... --run NAME [options]

Reports the checkpoints of a training run to the service. A FILE may be JSON lines of checkpoints, results of
lm-evaluation-harness, a Hugging Face trainer_state.json, or a TensorBoard event file of your own (eval/<suite>/exact_match,
eval/<suite>/tokens_mean), of Trainer or of verl. A folder means all such files in it. Importing a file again adds nothing.
Data that cannot be reported are named on standard error, and the exit code is then 1.

Options:
  --run NAME         name of the run (required)
  --url URL          address of the service (default: http://127.0.0.1:8080)
  --token TOKEN      token with the role trainer (default: STOPGATE_TOKEN)
  --follow           keep watching the files until interrupted; the newest step of an event file is reported once it has
                     all figures of the step before, or after 130 s without change
  --poll SECONDS     time between two reads of the files, 0.1 to 3600 s (default: 2)
  --context L=V,...  context in which the checkpoints are served; each new step starts a new epoch there
  --percent          EM is in percent, not a fraction

Options that select data in the files:
  --suite NAME          read this suite only; also the name of the suite in files that name none
  --metric NAME         metric that is the EM (default: exact_match; verl: acc)
  --filter NAME         filter of lm-evaluation-harness (default: strict-match, otherwise the first)
  --tokens-metric NAME  metric that is the mean number of tokens of a response (default: tokens_mean), or the whole tag of
                        an event file, for all suites of a step

Options that supply data missing in the files:
  --step N           step of the one checkpoint in the files (lm-evaluation-harness: default from the name of the model or
                     the path, e.g. checkpoint-500, global_step_500, iter_0000500)
  --n N              number of questions evaluated
  --tokens-mean X    mean number of tokens of a response of the one checkpoint in the files
  --tokenizer PATH   tokenizer.json of the model: tokens are counted in the samples_*.jsonl beside the results of
                     lm-evaluation-harness (lm_eval --log_samples)

Example:
  stopgate import-run runs/ppo-7b --run ppo-7b --follow
`

const SIGNALS = ['SIGINT', 'SIGTERM']

/** `stopgate import-run`: reads files and reports their checkpoints. */
export async function run (args: readonly string[], { env, stdout, stderr }: CommandIo): Promise<void> {
  const options = readImportOptions(args, env)
  const countTokens = options.tokenizer === undefined ? undefined : await readTokenizer(options.tokenizer)
  const interrupt = new AbortController()
  const onNote = (line: string) => { stderr.write(`import-run: ${line}\n`) }
  const { url, token, isFollowing } = options
  const client = createHttpClient(url, 1, { token, onWait: onNote, signal: interrupt.signal, ...(isFollowing && { patienceMs: Infinity }) })
  const onInterrupt = () => interrupt.abort()
  for (const signal of SIGNALS) process.once(signal, onInterrupt)
  const totals: ImportTotals = { accepted: 0, attempts: 0, duplicates: 0, rejected: 0 }
  const problems = new Map<string, string>()
  try {
    await importAll({ options, hints: { ...options.hints, countTokens }, client, totals, problems, stop: interrupt.signal, onNote })
    await writeAll(stdout, `${JSON.stringify({ run: options.run, ...totals })}\n`)
  } finally {
    for (const signal of SIGNALS) process.off(signal, onInterrupt)
    await client.close()
  }
  if (problems.size > 0) throw new FileError(`${problems.size} of the files could not be read completely: see above`)
  if (totals.rejected > 0) throw new FileError(`${totals.rejected} of the checkpoints could not be reported: see above`)
}

/** Limit of the rejected checkpoints that are named at each read of a file. */
const MAX_NAMED_REJECTIONS = 20

interface Import {
  readonly options: ImportOptions
  readonly hints: Hints
  readonly client: HttpClient
  /** Counts what becomes of the checkpoints. */
  readonly totals: ImportTotals
  /** Collects the latest problem of each file. */
  readonly problems: Map<string, string>
  readonly stop: AbortSignal
  readonly onNote: (line: string) => void
}

async function importAll ({ options, hints, client, totals, problems, stop, onNote }: Import): Promise<void> {
  const { files, run, isFollowing, pollMs } = options
  const known = new Map<string, RunFile>()
  const noted = new Set<string>()

  /** Reports a message only once, although each read of a file produces it again. */
  function noteOnce (line: string): void {
    if (!noted.has(line)) onNote(line)
    noted.add(line)
  }

  function onProblem (name: string, { message }: Error): void {
    noteOnce(message)
    problems.set(name, message)
  }

  async function namesIn (path: string): Promise<string[]> {
    try { return await filesIn(path, isFollowing) } catch (error) {
      if (!(error instanceof FileError)) throw error
      onProblem(path, error)
      return []
    }
  }

  async function readNew (name: string): Promise<FoundCheckpoint[]> {
    const file = known.get(name) ?? new RunFile(name, hints, { onNote: noteOnce, onProblem: (problem) => onProblem(name, problem) })
    known.set(name, file)
    return [...await file.read(!isFollowing), ...stop.aborted ? file.finish() : []]
  }

  async function report (name: string, found: readonly FoundCheckpoint[]): Promise<void> {
    let rejected = 0
    const onReject = (problem: string) => {
      totals.rejected++
      if (++rejected <= MAX_NAMED_REJECTIONS) onNote(problem)
    }
    await sendReports({ run, client, reports: reportsOf(found, hints, onReject), totals, onNote, onReject })
    if (rejected > MAX_NAMED_REJECTIONS) onNote(`${name}: ${rejected - MAX_NAMED_REJECTIONS} more checkpoints could not be reported`)
  }

  for (;;) {
    const found = new Map<string, FoundCheckpoint[]>()
    for (const path of files) for (const name of await namesIn(path)) found.set(name, [...found.get(name) ?? [], ...await readNew(name)])
    refuseSharedFlags([...found.values()].flat(), hints)
    for (const [name, checkpoints] of found) await report(name, checkpoints)
    if (!isFollowing) {
      if (totals.accepted + totals.duplicates + totals.rejected + problems.size === 0) throw new FileError(`${files.join(', ')}: no checkpoints found${hints.suite === undefined ? '' : ` of ${hints.suite}`}`)
      return
    }
    if (stop.aborted) return
    await setTimeout(pollMs, undefined, { signal: stop }).catch(() => {})
  }
}

/** Limit of the checkpoints in one request. */
const MAX_BATCH = 500

/** Numbers of checkpoints that were accepted, kept as further attempts, already known, and rejected. */
export type ImportTotals = Record<'accepted' | 'attempts' | 'duplicates' | 'rejected', number>

type Reply = Omit<ImportTotals, 'rejected'> & { readonly rejected: ReadonlyArray<{ index: number, path: string, message: string }> }

interface Report { readonly place: string, readonly draft: Draft }

/**
 * The checkpoints of a file that can be sent. If one EM of the file is a percentage, the others may be as well, even those that could be
 * fractions; they are rejected, since a report cannot be taken back.
 * @param onReject called with each checkpoint that cannot be sent
 */
export function reportsOf (found: readonly FoundCheckpoint[], hints: Hints, onReject: (problem: string) => void): Report[] {
  const percentage = hints.isPercent ? undefined : found.find(({ draft }) => (draft?.em ?? 0) > 1)
  return found.flatMap((one) => {
    try {
      const draft = completeDraft(one, hints)
      if (percentage === undefined || !draft.em) return [{ place: one.place, draft }]
      throw new FileError(`${one.place}: an EM of ${draft.em} may be in percent, since ${percentage.place} is: add --percent, or correct ${percentage.place}`)
    } catch (error) {
      onReject((error as FileError).message)
      return []
    }
  })
}

interface SendOptions {
  readonly run: string
  readonly client: HttpClient
  readonly reports: readonly Report[]
  /** Counts the results of the reports. */
  readonly totals: ImportTotals
  readonly onNote: (line: string) => void
  /** Called with each checkpoint that the service rejects. */
  readonly onReject: (problem: string) => void
}

/** Sends reports to the service. @throws ServiceError */
export async function sendReports ({ run, client, reports, totals, onNote, onReject }: SendOptions): Promise<void> {
  const drafts = reports.map(({ draft }) => draft)
  for (let start = 0; start < drafts.length; start += MAX_BATCH) {
    const checkpoints = drafts.slice(start, start + MAX_BATCH)
    const reply = await client.send('POST', `/v1/training-runs/${encodeURIComponent(run)}/checkpoints`, { checkpoints }) as Reply
    for (const name of ['accepted', 'attempts', 'duplicates'] as const) totals[name] += reply[name]
    for (const { index, path, message } of reply.rejected) onReject(`${reports[start + index]?.place ?? `checkpoint ${start + index}`}: ${path} ${message}`)
    if (reply.attempts > 0) onNote(`${reply.attempts} checkpoints were known with other figures: the new ones are kept as further attempts`)
  }
}
