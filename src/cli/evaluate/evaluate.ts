import { writeFile } from 'node:fs/promises'
import { runEvaluation, type EvaluationPlan, type Shares, type EvaluatedContext, type Evaluation, type Summary } from './run-evaluation.js'
import { atCadence, type ProbeSchedule } from '../traces/recorded-run.js'
import { readTraces } from '../traces/read-traces.js'
import { numberWithin, parseFlags, readLevels, wholeNumber } from '../command-line/flags.js'
import { writeAll, alignColumns, type CommandIo } from '../command-line/command-io.js'
import { UsageError } from '../command-line/command-error.js'
import { losslessUnits } from '../../core/certificate/certificate.js'
import { CERTIFIED_RULES, type RequestedLimits } from './stopping-rules.js'

export const usage = `Usage: stopgate evaluate FILE... [options]

Compares ways to stop on recorded generations. Each split learns a predictor on one part of the groups, certifies
thresholds on another, and tests them on a third. Unlike the service, it counts every generation of a group as evidence.

  FILE               JSON lines, one outcome each: a full run with its EM at every step; it may be compressed (.gz);
                     - reads standard input

Options:
  --levels LEVELS    levels of the contexts, separated by commas (default: model,task)
  --at LEVEL         level at which thresholds are certified and reported (default: the last)
  --max-em-drop X    EM drop allowed, a fraction from 0.0001 to 0.5 (default: 0.02)
  --error-level X    allowed probability of a wrong certificate, 0.000001 to 0.5 (default: 0.05)
  --check-every-tokens N
                     ask every N tokens, at steps that the traces have (default: 1, at all of them)
  --check-growth X   least distance to the next check, as a fraction of the tokens so far, 0 to 1 (default: 0)
  --probe-tokens N   tokens that a probe costs at each step (default: as in the traces); savings are net of these
  --splits N         number of random splits, 1 to 1000 (default: 10)
  --shares L,C,T     shares of the groups for learning, certifying and testing (default: 1,1,1)
  --seed N           seed of the splits (default: 1)
  --json FILE        also write all figures to FILE as JSON; - writes them to standard output, and the table to
                     standard error

Example:
  stopgate evaluate traces.jsonl --max-em-drop 0.01 --shares 1,2,1
`

/** `stopgate evaluate`: reads traces and prints tables. */
export async function run (args: readonly string[], { stdout, stderr }: CommandIo): Promise<void> {
  const { files, json, plan, schedule } = readOptions(args)
  const result = runEvaluation((await readTraces(files)).map((run) => atCadence(run, schedule)), plan)
  const figures = JSON.stringify({ files, ...schedule, ...plan, ...result }, null, 2) + '\n'
  if (json !== undefined && json !== '-') await writeFile(json, figures)
  if (json === '-') await writeAll(stdout, figures)
  if (result.predictors < plan.splits) {
    stderr.write(`evaluate: not enough evidence for a predictor in ${plan.splits - result.predictors} of ${plan.splits} splits\n`)
  }
  for (const { key, generations_to_certify_on: generations, groups_to_certify_on: groups } of result.contexts) {
    if (generations === groups) continue
    stderr.write(`evaluate: in ${key} the ${Math.round(generations)} generations to certify on are from ${Math.round(groups)} groups, so its certificates are too optimistic\n`)
  }
  await writeAll(json === '-' ? stderr : stdout, renderEvaluation(result, plan))
}

interface Options {
  readonly files: readonly string[]
  readonly json: string | undefined
  readonly plan: EvaluationPlan
  readonly schedule: ProbeSchedule
}

function readOptions (args: readonly string[]): Options {
  const { values, positionals: files } = parseFlags(args, {
    levels: { type: 'string', default: 'model,task' },
    at: { type: 'string' },
    'max-em-drop': { type: 'string', default: '0.02' },
    'error-level': { type: 'string', default: '0.05' },
    'check-every-tokens': { type: 'string', default: '1' },
    'check-growth': { type: 'string', default: '0' },
    'probe-tokens': { type: 'string' },
    splits: { type: 'string', default: '10' },
    shares: { type: 'string', default: '1,1,1' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  })
  if (files.length === 0) throw new UsageError('evaluate needs at least one FILE of traces')
  const levels = readLevels(values.levels)
  const at = values.at === undefined ? levels.length : levels.indexOf(values.at) + 1
  if (at === 0) throw new UsageError(`--at must be one of ${levels.join(', ')}, not ${JSON.stringify(values.at)}`)
  return {
    files,
    json: values.json,
    schedule: {
      cadence: {
        checkEveryTokens: wholeNumber('--check-every-tokens', values['check-every-tokens'], 1, 1_000_000_000),
        checkGrowth: numberWithin('--check-growth', values['check-growth'], 0, 1),
        minTokens: 0,
      },
      probeTokens: values['probe-tokens'] === undefined ? null : wholeNumber('--probe-tokens', values['probe-tokens'], 0, 1_000_000),
    },
    plan: {
      levels,
      at,
      maxEmDrop: numberWithin('--max-em-drop', values['max-em-drop'], 1e-4, 0.5),
      errorLevel: numberWithin('--error-level', values['error-level'], 1e-6, 0.5),
      splits: wholeNumber('--splits', values.splits, 1, 1000),
      shares: readShares(values.shares),
      seed: wholeNumber('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    },
  }
}

function readShares (text: string): Shares {
  const [learn, certify, test, ...rest] = text.split(',').map((share) => wholeNumber('a share of --shares', share, 1, 100))
  if (learn !== undefined && certify !== undefined && test !== undefined && rest.length === 0) return [learn, certify, test]
  throw new UsageError(`--shares must be three whole numbers joined by commas, not ${JSON.stringify(text)}`)
}

const HEADER = ['context', 'rule', 'saved %', 'gross %', 'EM drop', 'worst', 'exceeded', 'certified']
const CERTIFIED: readonly string[] = Object.values(CERTIFIED_RULES)

/** The tables of an evaluation, one row a rule: each context, then the total. */
export function renderEvaluation ({ contexts, total }: Evaluation, guarantee: RequestedLimits): string {
  const blocks = [...contexts, { key: 'all', ...total }]
  const rows = blocks.flatMap(({ key, rules }) => rules.map((rule, i) => rowOf(i === 0 ? key : '', rule)))
  const lines = alignColumns([HEADER, ...rows], HEADER.map((_, column) => column < 2))
  const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)))
  const body: string[] = []
  let at = 1
  for (const { rules } of blocks) body.push(rule, ...lines.slice(at, at += rules.length))
  return [lines[0], ...body, '', ...legend(guarantee), ...hint(contexts, guarantee)].join('\n') + '\n'
}

function rowOf (key: string, { name, splits, ...figures }: Summary): string[] {
  return [
    key, name, percent(figures.tokens_saved_ratio), percent(figures.tokens_saved_gross_ratio),
    percent(figures.em_drop), percent(figures.worst_em_drop),
    `${figures.exceeded} of ${splits}`, CERTIFIED.includes(name) ? `${figures.certified} of ${splits}` : '',
  ]
}

function legend ({ maxEmDrop }: RequestedLimits): string[] {
  return [
    'saved: percentage of the tokens of the full runs, net of the tokens of probes; gross: probes not counted. EM drop: EM of the full runs minus EM served, in points, on unseen groups;',
    `both are means over the splits. worst: largest EM drop of a split. exceeded: splits with an EM drop above ${percent(maxEmDrop)}. certified: splits with a threshold.`,
    'on both parts: raw confidence needs no learning part, so that part is evidence too. champion and challenger: as the service runs them, raw',
    'confidence at half the error level and the predictor at a quarter; the better of the two serves.',
    'best possible: stopping at the earliest step that is no worse than the full run, known only in hindsight.',
  ]
}

/** Number of contexts that the hint names. */
const MAX_NAMED_CONTEXTS = 10

/** Says how many generations a first certificate takes, if a rule certified nothing in some context. */
function hint (contexts: readonly EvaluatedContext[], { maxEmDrop, errorLevel }: RequestedLimits): string[] {
  const without = contexts.filter(({ rules }) => rules.some(({ name, certified }) => CERTIFIED.includes(name) && certified === 0))
  if (without.length === 0) return []
  const [alone, shared] = [errorLevel, errorLevel / 2].map((level) => losslessUnits(maxEmDrop, Math.log(1 / level)))
  const named = without.slice(0, MAX_NAMED_CONTEXTS).map(({ key, generations_to_certify_on: n }) => `${key} ${Math.round(n)}`)
  const more = without.length - named.length
  return [
    '',
    `0 certified: that rule never stopped. A first certificate for ${percent(maxEmDrop)} points at level ${errorLevel} takes ${alone} generations without any loss ` +
      `(champion and challenger: ${shared}), and more otherwise.`,
    `Available to certify on: ${named.join('; ')}${more > 0 ? `; and ${more} more contexts` : ''}.`,
    'Remedies: more traces; a larger share to certify on (--shares 1,4,1); certifying at a higher level (--at); a larger --max-em-drop.',
  ]
}

function percent (ratio: number): string {
  const text = (100 * ratio).toFixed(1)
  return text === '-0.0' ? '0.0' : text
}
