import { writeFile } from 'node:fs/promises'
import type { Levels } from '../../core/policy/index.js'
import { UsageError } from '../command-line/command-error.js'
import { type CommandIo, writeAll } from '../command-line/command-io.js'
import { numberWithin, parseFlags, readLevels, wholeNumber } from '../command-line/flags.js'
import { readRecordedRun, readTraces } from '../traces/read-traces.js'
import { keyAtLevels, type RecordedRun } from '../traces/recorded-run.js'
import { seededRandom } from '../traces/seeded-random.js'
import { type ContextEstimate, estimateContext } from './estimate-context.js'
import { type Estimate, renderEstimate } from './report.js'
import { byPrompt } from './self-agreement.js'
import { askServer } from './ask-server.js'
import { points, type Verdict, verdictOf } from './verdict.js'

export const usage = `Usage: stopgate estimate URL --prompts FILE [options]
       stopgate estimate FILE... [options]

Says whether stopgate is for you: what it would save, what its probes cost, how often to ask, and how long the first
certificate takes, from full runs. It needs no service, and starts and stops nothing.

  URL                address of the model server (its base_url): vLLM, llama.cpp or another that the proxy supports. The
                     first 20 prompts are asked twice, since it is also found how answers are forced. OPENAI_API_KEY is
                     sent if it is set, and the PROXY_ settings of \`stopgate proxy\` that are about the model apply
  FILE               recorded generations as JSON lines, one outcome each: a full run with an answer or its EM at every
                     step; it may be compressed (.gz); - reads standard input. Without EM or reference, the final
                     answer of a run counts as right

Options:
  --prompts FILE     chat requests as JSON lines, such as {"messages": [{"role": "user", "content": "2 + 2"}],
                     "reference": "4"}; without reference, the model's own final answer counts as right
  --count N          prompts that are asked, drawn from the file, 10 to 10000 (default: 80)
  --minutes X        time after which no further prompt is asked (default: 10)
  --concurrency N    prompts in flight at a time, 1 to 1024 (default: 8)
  --record FILE      also write the generations to FILE, so that another estimate need not ask again
  --levels LEVELS    levels of the contexts, separated by commas (default: model,task)
  --max-em-drop X    EM drop allowed, a fraction from 0.0001 to 0.5 (default: 0.02)
  --error-level X    allowed probability of a wrong certificate, 0.000001 to 0.5 (default: 0.05)
  --per-second X     your traffic in generations a second, for the time until the first certificate
  --probe-tokens N   tokens that a probe costs at each step (default: as recorded)
  --seed N           seed of the intervals and of the drawn prompts (default: 1)
  --json FILE        also write all figures to FILE as JSON; - writes them to standard output, and the table to
                     standard error

Example:
  stopgate estimate http://127.0.0.1:8000/v1 --prompts prompts.jsonl --per-second 2
`

/** Prompts that an estimate of a context needs at least. */
const MIN_PROMPTS = 10

/** `stopgate estimate`: prints a table and a verdict. */
export async function run (args: readonly string[], { env, stdout, stderr }: CommandIo): Promise<void> {
  const options = readOptions(args)
  const { files, prompts, json, maxEmDrop, errorLevel, perSecond } = options
  const result = prompts === undefined
    ? estimateRuns(await readTraces(files, 'agreement'), options)
    : await estimateLive(options, files[0]!, prompts, { env, stderr })
  const sources = prompts === undefined ? { files } : { url: files[0], prompts }
  const asked = { ...sources, max_em_drop: maxEmDrop, error_level: errorLevel, per_second: perSecond }
  const figures = JSON.stringify({ ...asked, ...withoutDraws(result) }, null, 2) + '\n'
  if (json !== undefined && json !== '-') await writeFile(json, figures)
  if (json === '-') await writeAll(stdout, figures)
  await writeAll(json === '-' ? stderr : stdout, renderEstimate(result))
}

function withoutDraws ({ contexts, ...rest }: Estimate) {
  return { ...rest, contexts: contexts.map(({ draws, ...figures }) => figures) }
}

export type EstimateOptions = ReturnType<typeof readOptions>

function readOptions (args: readonly string[]) {
  const { values, positionals: files } = parseFlags(args, {
    prompts: { type: 'string' },
    count: { type: 'string', default: '80' },
    minutes: { type: 'string', default: '10' },
    concurrency: { type: 'string', default: '8' },
    record: { type: 'string' },
    levels: { type: 'string', default: 'model,task' },
    'max-em-drop': { type: 'string', default: '0.02' },
    'error-level': { type: 'string', default: '0.05' },
    'per-second': { type: 'string' },
    'probe-tokens': { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  })
  const { prompts } = values
  const isAddress = (text: string) => /^https?:\/\//.test(text)
  if (files.length === 0) throw new UsageError('estimate needs the URL of a model server with --prompts FILE, or at least one FILE of recorded generations')
  if (prompts === undefined && files.some(isAddress)) throw new UsageError('a model server needs --prompts FILE: your own chat requests as JSON lines')
  if (prompts !== undefined && (files.length > 1 || !isAddress(files[0]!))) {
    throw new UsageError(`--prompts needs one URL of a model server, such as http://127.0.0.1:8000/v1, not ${files.map((file) => JSON.stringify(file)).join(' ')}`)
  }
  if (prompts === undefined && values.record !== undefined) throw new UsageError('--record needs --prompts: FILE is recorded already')
  return {
    files,
    prompts,
    count: wholeNumber('--count', values.count, MIN_PROMPTS, 10_000),
    minutes: numberWithin('--minutes', values.minutes, 0.01, 10_000),
    concurrency: wholeNumber('--concurrency', values.concurrency, 1, 1024),
    record: values.record,
    levels: readLevels(values.levels),
    maxEmDrop: numberWithin('--max-em-drop', values['max-em-drop'], 1e-4, 0.5),
    errorLevel: numberWithin('--error-level', values['error-level'], 1e-6, 0.5),
    perSecond: values['per-second'] === undefined ? null : numberWithin('--per-second', values['per-second'], 1e-6, 1e6),
    probeTokens: values['probe-tokens'] === undefined ? null : wholeNumber('--probe-tokens', values['probe-tokens'], 0, 1_000_000),
    seed: wholeNumber('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    json: values.json,
  }
}

/** Asks the model server, and estimates by its generations. */
async function estimateLive (
  options: EstimateOptions, url: string, prompts: string, { env, stderr }: Pick<CommandIo, 'env' | 'stderr'>
): Promise<Estimate> {
  const { asked, notes, problem } = await askServer({ ...options, url, prompts, env, stderr })
  const { outcomes, finding } = asked
  if (options.record !== undefined) await writeFile(options.record, outcomes.map((outcome) => JSON.stringify(outcome) + '\n').join(''))
  if (problem !== null) {
    return { contexts: [], left_out: [], probe_form: finding, notes, verdict: { ...problem, saved_ratio: null, chance: null } }
  }
  const runs = outcomes.map((outcome, i) => readRecordedRun(`generation ${i + 1}`, JSON.stringify(outcome), 'agreement'))
  const result = estimateRuns(runs, options, finding === null ? 0 : finding.generations)
  const contexts = result.contexts.map((one) => ({ ...one, self_agreement: one.self_agreement ?? asked.selfAgreement }))
  return { ...result, contexts, probe_form: finding, notes: [...notes, ...notesOn(runs, contexts, options)] }
}

/** Estimates each context, and judges them together. */
export function estimateRuns (
  runs: readonly RecordedRun[],
  options: Pick<EstimateOptions, 'levels' | 'maxEmDrop' | 'errorLevel' | 'perSecond' | 'probeTokens' | 'seed'>, formGenerations = 0
): Estimate {
  const { levels, maxEmDrop, errorLevel, perSecond, probeTokens, seed } = options
  const costed = probeTokens === null ? runs : runs.map((run) => withProbeTokens(run, probeTokens))
  const contexts: ContextEstimate[] = []
  const leftOut: Array<Estimate['left_out'][number]> = []
  for (const [context, own] of byContext(levels, costed)) {
    const prompts = byPrompt(own).size
    if (prompts < MIN_PROMPTS) {
      leftOut.push({ context, prompts })
      continue
    }
    const share = own.length / runs.length
    contexts.push(estimateContext(context, own, {
      maxEmDrop, errorLevel, perSecond: perSecond === null ? null : share * perSecond, formGenerations, random: seededRandom(seed),
    }))
  }
  const graded = runs.filter(({ isByAgreement }) => isByAgreement !== true)
  const isNoneRight = graded.length > 0 && graded.every(({ em }) => em === 0)
  const verdict = isNoneRight ? unknown(NONE_RIGHT) : contexts.length === 0 ? unknown(TOO_FEW) : verdictOf(contexts, maxEmDrop)
  return { contexts, left_out: leftOut, probe_form: null, notes: notesOn(costed, contexts, options), verdict }
}

const WITHOUT_LABELS = 'Without right answers this says how often an answer changes, not how often a right one is lost: with labels fewer tokens may be saved, ' +
  'and the first certificate may come later. State "reference" or "em" to know.'
const NONE_RIGHT = 'no final answer is right, so nothing could be lost; compare the references with the answers'
const TOO_FEW = `a context needs at least ${MIN_PROMPTS} prompts, and better a few dozen; use more, or name fewer --levels`

function unknown (reason: string): Verdict {
  return { decision: 'cannot_tell', text: `Cannot tell yet: ${reason}.`, saved_ratio: null, chance: null }
}

function withProbeTokens (run: RecordedRun, each: number): RecordedRun {
  return { ...run, probeTokens: each * run.steps.length, steps: run.steps.map((step, i) => ({ ...step, probeTokens: each * (i + 1) })) }
}

function byContext (levels: Levels, runs: readonly RecordedRun[]): Map<string, RecordedRun[]> {
  const contexts = new Map<string, RecordedRun[]>()
  for (const run of runs) {
    const key = keyAtLevels(levels, run)
    const own = contexts.get(key)
    if (own === undefined) contexts.set(key, [run]); else own.push(run)
  }
  return new Map([...contexts].sort(([a], [b]) => a < b ? -1 : 1))
}

function notesOn (
  runs: readonly RecordedRun[], contexts: readonly ContextEstimate[], { maxEmDrop, probeTokens }: Pick<EstimateOptions, 'maxEmDrop' | 'probeTokens'>
): string[] {
  const notes: string[] = []
  if (probeTokens === null && runs.every((run) => run.probeTokens === 0)) {
    notes.push('The file states no tokens of probes, so these count as free: state them with --probe-tokens.')
  }
  if (contexts.some(({ label }) => label === 'agreement')) notes.push(WITHOUT_LABELS)
  const noisy = contexts.filter(({ label, self_agreement: self }) => label === 'agreement' && self !== null && 1 - self.share > maxEmDrop)
  if (noisy.length > 0) {
    notes.push(`With sampling the model changes its own answers more often than ${points(maxEmDrop)} % allow: state "reference" or "em" in the file, so that right answers are counted instead.`)
  }
  return notes
}
