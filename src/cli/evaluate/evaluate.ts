import { writeFile } from 'node:fs/promises'
import { PolicyPatchSchema } from '../../../openapi/policy-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { DEFAULT_POLICY, type Levels, type PolicyPatch, poolProblem } from '../../core/policy/index.js'
import { UsageError } from '../command-line/command-error.js'
import { writeAll, type CommandIo } from '../command-line/command-io.js'
import { parseFlags, readLevels, wholeNumber } from '../command-line/flags.js'
import { readTraces } from '../traces/read-traces.js'
import { simulatedRuns } from '../traces/simulated-runs.js'
import { renderEvaluation } from './render-evaluation.js'
import { runEvaluation, type EvaluationPlan } from './run-evaluation.js'

export const usage = `Usage: stopgate evaluate FILE... [options]
       stopgate evaluate --simulate N [options]

Says what stopping saves and loses on recorded generations: by fixed rules; by thresholds that are certified on one part
of the groups and tested on another; and by the service itself, which starts without evidence and plays each generation
once.

  FILE               JSON lines, one outcome each: a full run with its EM at every step; it may be compressed (.gz);
                     - reads standard input

Options:
  --simulate N       evaluate N synthetic generations instead, from three contexts in turn: a calibrated model, an
                     overconfident model, and multiple choice
  --levels LEVELS    levels of the contexts, separated by commas (default: model,task)
  --policy JSON      fields of the policy of all contexts, such as '{"max_em_drop":0.01}' or '{"certify_at":"model"}'
  --probe-tokens N   tokens that a probe costs at each step (default: as recorded); savings are net of these
  --runs N           number of random splits, and of random orders for the service, 1 to 1000 (default: 10)
  --seed N           seed of the splits, of the orders and of synthetic generations (default: 1)
  --json FILE        also write all figures to FILE as JSON; - writes them to standard output, and the table to
                     standard error

Example:
  stopgate evaluate traces.jsonl --policy '{"max_em_drop":0.01}'
`

/** `stopgate evaluate`: reads or simulates generations and prints a table. */
export async function run (args: readonly string[], { stdout, stderr }: CommandIo): Promise<void> {
  const { values, positionals: files } = parseFlags(args, {
    simulate: { type: 'string' },
    levels: { type: 'string', default: 'model,task' },
    policy: { type: 'string', default: '{}' },
    'probe-tokens': { type: 'string' },
    runs: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  })
  const { simulate, json } = values
  if ((files.length === 0) === (simulate === undefined)) throw new UsageError('evaluate needs a FILE of recorded generations, or --simulate')
  const count = simulate === undefined ? 0 : wholeNumber('--simulate', simulate, 1, 1_000_000)
  const levels = readLevels(values.levels)
  const plan: EvaluationPlan = {
    levels,
    policy: readPolicy(values.policy, levels),
    probeTokens: values['probe-tokens'] === undefined ? null : wholeNumber('--probe-tokens', values['probe-tokens'], 0, 1_000_000),
    runs: wholeNumber('--runs', values.runs, 1, 1000),
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 52),
  }
  const result = runEvaluation(simulate === undefined ? await readTraces(files) : simulatedRuns(count, plan.seed), plan)
  if (result.predictors < plan.runs) {
    stderr.write(`evaluate: not enough evidence for a predictor in ${plan.runs - result.predictors} of ${plan.runs} splits\n`)
  }
  for (const { key, generations_to_certify_on: generations, groups_to_certify_on: groups } of result.contexts) {
    if (generations === groups) continue
    stderr.write(`evaluate: in ${key} the ${Math.round(generations)} generations to certify on are from ${Math.round(groups)} groups, ` +
      'so the certificates of the splits are too optimistic\n')
  }
  const figures = JSON.stringify({ files, ...result }, null, 2) + '\n'
  if (json !== undefined && json !== '-') await writeFile(json, figures)
  if (json === '-') await writeAll(stdout, figures)
  await writeAll(json === '-' ? stderr : stdout, renderEvaluation(result))
}

const patchProblem = itemValidator(PolicyPatchSchema)

function readPolicy (text: string, levels: Levels): PolicyPatch {
  let patch: PolicyPatch
  try { patch = JSON.parse(text) } catch { throw new UsageError(`--policy is not valid JSON: ${text.slice(0, 100)}`) }
  const problem = patchProblem(patch) ?? poolProblem({ ...DEFAULT_POLICY, ...patch }, levels)
  if (problem !== null) throw new UsageError(`--policy${problem.path} ${problem.message}`)
  return patch
}
