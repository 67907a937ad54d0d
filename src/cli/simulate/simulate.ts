import { contextKey } from '../../core/policy/context.js'
import type { ReportedOutcome } from '../../core/outcome/outcome.js'
import { alignColumns, writeAll, type CommandIo } from '../command-line/command-io.js'
import { seededRandom, type Random } from '../traces/seeded-random.js'
import { plantedProfile, PROFILES, simulateGeneration, truthOf, type Profile, type TruthRow } from './simulated-generation.js'
import { numberWithin, parseFlags, wholeNumber } from '../command-line/flags.js'
import { UsageError } from '../command-line/command-error.js'

export const usage = `Usage: stopgate simulate [options] > FILE

Writes synthetic generations for replay and evaluate, one outcome a line, from three contexts in turn: a calibrated
model, an overconfident model, and multiple choice.

Options:
  --generations N   number of generations, 1 to 10000000 (default: 3000)
  --seed N          seed; the same seed writes the same generations (default: 1)
  --em-drop X       add a context in which stopping loses exactly this much EM at every threshold, a fraction from 0 to 0.5
  --truth           print the true EM drop and the tokens saved of every context and threshold instead

Example:
  stopgate simulate --generations 10000 > traces.jsonl
`

/** Seed of the truth. It is above all seeds of traces, so that the truth is independent of them. */
const TRUTH_SEED = 2 ** 52
const TRUTH_GENERATIONS = 100_000

/** `stopgate simulate`. */
export async function run (args: readonly string[], { stdout }: CommandIo): Promise<void> {
  const { values, positionals } = parseFlags(args, {
    generations: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    'em-drop': { type: 'string' },
    truth: { type: 'boolean', default: false },
  })
  if (positionals.length > 0) throw new UsageError(`simulate takes no file and writes to standard output, not ${JSON.stringify(positionals[0])}`)
  const generations = wholeNumber('--generations', values.generations, 1, 10_000_000)
  const seed = wholeNumber('--seed', values.seed, 0, TRUTH_SEED - 1)
  const drop = values['em-drop']
  const profiles = drop === undefined ? PROFILES : [...PROFILES, plantedProfile(numberWithin('--em-drop', drop, 0, 0.5))]

  if (values.truth) return await writeTruths(stdout, profiles)
  for (const outcome of simulateOutcomes(profiles, generations, seed)) await writeAll(stdout, JSON.stringify(outcome) + '\n')
}

async function writeTruths (stdout: CommandIo['stdout'], profiles: readonly Profile[]): Promise<void> {
  for (const profile of profiles) {
    const rows = truthOf(profile, TRUTH_GENERATIONS, seededRandom(TRUTH_SEED))
    await writeAll(stdout, renderTruth(profile, rows))
  }
}

/** Outcomes of the profiles in turn. */
export function * simulateOutcomes (profiles: readonly Profile[], generations: number, seed: number): Generator<ReportedOutcome> {
  const random = seededRandom(seed)
  for (let i = 0; i < generations; i++) yield outcomeOf(random, profiles[i % profiles.length]!, `simulated-${seed}-${i}`)
}

function outcomeOf (random: Random, profile: Profile, generation_id: string): ReportedOutcome {
  const { tokens, em, steps } = simulateGeneration(random, profile)
  const { context, answerTokens: answer_tokens } = profile
  return { generation_id, context, tokens, answer_tokens, em, steps: steps.map(({ chance, ...step }) => step) }
}

function renderTruth ({ context }: Profile, rows: readonly TruthRow[]): string {
  const percent = (value: number, digits = 2) => (100 * value).toFixed(digits)
  const cells = rows.map((row) => [
    row.threshold.toFixed(4), percent(row.em_drop), percent(1.96 * row.standard_error),
    percent(row.tokens_saved_ratio, 1), percent(row.stopped_ratio, 1),
  ])
  const header = ['threshold', 'EM drop', '+-', 'saved %', 'stopped %']
  const lines = alignColumns([header, ...cells], header.map(() => false))
  return `${contextKey(Object.keys(context), context)}: true effects, in points (+-: 95 % interval of the simulation)\n${lines.join('\n')}\n\n`
}
