import { writeFile } from 'node:fs/promises'
import type { Levels } from '../../core/policy/context.js'
import { renderEvaluation } from './render-evaluation.js'
import { runEvaluation, type Plan } from './run-evaluation.js'
import type { Shares } from './split-groups.js'
import { atCadence, type Asking } from '../traces/at-cadence.js'
import { readTraces } from '../traces/read-traces.js'
import { fraction, parseFlags, wholeNumber } from '../command-line/parse-flags.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { UsageError } from '../command-line/command-error.js'

export const usage = `Usage: stopgate evaluate FILE... [options]

Compares ways to stop on recorded generations, without a server. Each split learns a predictor on one part of the groups,
certifies thresholds on another, and tests them on a third; no group is in two parts. Unlike the service, it counts every
generation of a group as evidence of its own.

  FILE               as for replay: JSON lines, one outcome each, or such a file compressed (.gz); - reads standard
                     input

Options:
  --levels LEVELS    levels of the contexts, separated by commas (default: model,task)
  --at LEVEL         level at which thresholds are certified and reported (default: the last); the predictor uses all levels
  --max-em-drop X    EM drop allowed, a fraction from 0.0001 to 0.5 (default: 0.02)
  --error-level X    chance that a certificate may be wrong, 0.000001 to 0.5 (default: 0.05)
  --check-every-tokens N
                     asks at every N tokens, of the steps that the traces have (default: 1, all of them)
  --check-growth X   and X times the tokens later, 0 to 1 (default: 0)
  --probe-tokens N   tokens that a probe costs at each step (default: what the traces say); savings are net of them
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
  const { files, json, plan, asking } = readOptions(args)
  const result = runEvaluation((await readTraces(files)).map((run) => atCadence(run, asking)), plan)
  const figures = JSON.stringify({ files, ...asking, ...plan, ...result }, null, 2) + '\n'
  if (json !== undefined && json !== '-') await writeFile(json, figures)
  if (json === '-') await writeAll(stdout, figures)
  if (result.predictors < plan.splits) {
    stderr.write(`evaluate: not enough evidence for a predictor in ${plan.splits - result.predictors} of ${plan.splits} splits\n`)
  }
  for (const { key, generations_to_certify_on: generations, groups_to_certify_on: groups } of result.contexts) {
    if (generations === groups) continue
    const [of, on] = [groups, generations].map((mean) => Math.round(mean))
    stderr.write(`evaluate: in ${key} the ${on} generations to certify on are from ${of} groups, so its certificates are too optimistic\n`)
  }
  await writeAll(json === '-' ? stderr : stdout, renderEvaluation(result, plan))
}

function readOptions (args: readonly string[]): { files: readonly string[], json: string | undefined, plan: Plan, asking: Asking } {
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
    asking: {
      cadence: {
        checkEveryTokens: wholeNumber('--check-every-tokens', values['check-every-tokens'], 1, 1_000_000_000),
        checkGrowth: fraction('--check-growth', values['check-growth'], 0, 1),
        minTokens: 0,
      },
      probeTokens: values['probe-tokens'] === undefined ? null : wholeNumber('--probe-tokens', values['probe-tokens'], 0, 1_000_000),
    },
    plan: {
      levels,
      at,
      maxEmDrop: fraction('--max-em-drop', values['max-em-drop'], 1e-4, 0.5),
      errorLevel: fraction('--error-level', values['error-level'], 1e-6, 0.5),
      splits: wholeNumber('--splits', values.splits, 1, 1000),
      shares: readShares(values.shares),
      seed: wholeNumber('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    },
  }
}

function readLevels (text: string): Levels {
  const levels = text.split(',')
  if (levels.every((level) => /^[A-Za-z][A-Za-z0-9_.-]{0,31}$/.test(level)) && new Set(levels).size === levels.length) return levels
  throw new UsageError(`--levels must be different names joined by commas, not ${JSON.stringify(text)}`)
}

function readShares (text: string): Shares {
  const shares = text.split(',').map((share) => wholeNumber('a share of --shares', share, 1, 100))
  if (shares.length === 3) return shares as unknown as Shares
  throw new UsageError(`--shares must be three whole numbers joined by commas, not ${JSON.stringify(text)}`)
}
