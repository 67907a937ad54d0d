import { uniform } from '../../core/assignment/arm.js'
import type { Levels } from '../../core/policy/context.js'
import { fitPredictor } from '../../core/predictor/fit-predictor.js'
import type { Predictor } from '../../core/predictor/predictor.js'
import { byText, type Sample } from '../../core/predictor/sample.js'
import { type Ending, keyAtLevels, type RecordedRun } from '../traces/recorded-run.js'
import { type Random, seededRandom, shuffle } from '../traces/seeded-random.js'
import { type Case, caseOf, certifiedRules, type RequestedLimits, ORACLE, plainRules, type RuleResult, type Split } from './stopping-rules.js'

export interface EvaluationPlan extends RequestedLimits {
  readonly levels: Levels
  /** Place in the chain of contexts, from the root, of the level that is certified and reported. */
  readonly at: number
  readonly splits: number
  readonly shares: Shares
  readonly seed: number
}

export type Evaluation = ReturnType<typeof runEvaluation>
export type EvaluatedContext = Evaluation['contexts'][number]

/**
 * Learns, certifies and tests on separate groups, in each split. Generations of a group are not independent, so certificates are too
 * optimistic where groups to certify on have several generations.
 * @returns the results by context and in total, and the number of splits with enough evidence to fit a predictor
 */
export function runEvaluation (runs: readonly RecordedRun[], plan: EvaluationPlan) {
  const cases = runs.map((run) => caseOf(run, keyAtLevels(plan.levels, run), plan.at))
  const keys = [...new Set(cases.map(({ key }) => key))].sort()
  const plain = plainRules(runs)
  const random = seededRandom(plan.seed)
  const trials = new Map<string, SplitResult[][]>(keys.map((key) => [key, []]))
  const toCertifyOn = new Map(keys.map((key) => [key, { generations: 0, groups: 0 }]))
  const totals: SplitResult[][] = []
  let predictors = 0
  for (let i = 0; i < plan.splits; i++) {
    const split = splitGroups(cases, plan.shares, random, i)
    const predictor = learn(split.learn, plan.levels)
    if (predictor !== null) predictors++
    const within = (list: readonly Case[], key: string) => list.filter((one) => one.key === key)
    const rows = keys.map((key) => {
      const own = { learn: within(split.learn, key), certify: within(split.certify, key), test: within(split.test, key) }
      const served = [
        ...plain.map(({ name, end }): RuleResult => ({ name, endings: own.test.map(({ run }) => end(run)), isCertified: false })),
        ...certifiedRules(own, predictor, plan),
        { name: ORACLE.name, endings: own.test.map(({ run }) => ORACLE.end(run)), isCertified: false },
      ]
      const row = served.map((each): SplitResult => splitResult(each, own.test))
      trials.get(key)!.push(row)
      const sums = toCertifyOn.get(key)!
      sums.generations += own.certify.length
      sums.groups += new Set(own.certify.map(({ run }) => groupOf(run))).size
      return row
    })
    totals.push(rows[0]!.map((_, rule) => rows.map((row) => row[rule]!).reduce(addSplitResults)))
  }
  const summariesOf = (list: readonly SplitResult[][]) => {
    const tested = list.filter((row) => row[0]!.generations > 0)
    return { generations: tested.reduce((sum, row) => sum + row[0]!.generations, 0), rules: summarise(tested, plan.maxEmDrop) }
  }
  const contexts = keys.map((key) => {
    const { generations, groups } = toCertifyOn.get(key)!
    const each = { generations_to_certify_on: generations / plan.splits, groups_to_certify_on: groups / plan.splits }
    return { key, ...each, ...summariesOf(trials.get(key)!) }
  })
  return { contexts, total: summariesOf(totals), predictors }
}

function splitResult ({ name, endings, isCertified }: RuleResult, test: readonly Case[]): SplitResult {
  const sum = (value: (ending: Ending, run: RecordedRun) => number) =>
    endings.reduce((total, ending, i) => total + value(ending, test[i]!.run), 0)
  return {
    name,
    generations: endings.length,
    tokens: sum(({ tokens }) => tokens),
    probeTokens: sum(({ probeTokens }) => probeTokens),
    fullTokens: sum((_, run) => run.tokens),
    emLost: sum(({ em }, run) => run.em - em),
    isCertified,
  }
}

function addSplitResults (a: SplitResult, b: SplitResult): SplitResult {
  return {
    name: a.name,
    generations: a.generations + b.generations,
    tokens: a.tokens + b.tokens,
    probeTokens: a.probeTokens + b.probeTokens,
    fullTokens: a.fullTokens + b.fullTokens,
    emLost: a.emLost + b.emLost,
    isCertified: a.isCertified || b.isCertified,
  }
}

/** Fits a predictor to the learning part; the generations of a group stay together in cross-validation. */
function learn (cases: readonly Case[], levels: Levels): Predictor | null {
  const samples = cases.map(({ run, leaf }): Sample => ({
    u: uniform('', groupOf(run)),
    leaf,
    label: 'exact_match',
    tokens: run.tokens,
    steps: run.steps.flatMap(({ tokens, confidence, signals, em }) =>
      confidence === null ? [] : [{ tokens, confidence, ...(signals && { signals }), lost: run.em > em ? 1 : 0 }]),
  }))
  return fitPredictor(samples, { name: 'evaluated', label: 'exact_match', levels: levels.join(',') })
}

/** How many parts of the groups serve to learn, to certify and to test. */
export type Shares = readonly [learn: number, certify: number, test: number]

export function groupOf ({ outcome }: RecordedRun): string {
  return outcome.group_id ?? outcome.generation_id
}

/**
 * Splits generations by whole groups, with about the same shares in each context: groups are shuffled, sorted by context and dealt in turn.
 * A group with several contexts counts for the first one.
 * @param offset where dealing starts, so that remainders go to another part in each split
 */
export function splitGroups<T extends { readonly key: string, readonly run: RecordedRun }> (
  items: readonly T[], [learn, certify, test]: Shares, random: Random, offset: number): Split<T> {
  const parts = ([['learn', learn], ['certify', certify], ['test', test]] as const)
    .flatMap(([part, share]) => Array<keyof Split<T>>(share).fill(part))
  const keys = new Map<string, string>()
  for (const { key, run } of items) if (!keys.has(groupOf(run))) keys.set(groupOf(run), key)
  const dealt = shuffle(random, [...keys.keys()].sort()).sort((a, b) => byText(keys.get(a)!, keys.get(b)!))
  const partOf = new Map(dealt.map((group, i) => [group, parts[(i + offset) % parts.length]!]))
  const split: Split<T> = { learn: [], certify: [], test: [] }
  for (const item of items) split[partOf.get(groupOf(item.run))!].push(item)
  return split
}

/** The result of a rule on the test part of a split. */
export interface SplitResult {
  readonly name: string
  readonly generations: number
  readonly tokens: number
  readonly probeTokens: number
  readonly fullTokens: number
  /** EM of the full runs minus EM served, in generations. */
  readonly emLost: number
  readonly isCertified: boolean
}

export type Summary = ReturnType<typeof summarise>[number]

/**
 * The result of each rule over the splits; ratios and drops are fractions and means over splits.
 * @param trials by split, then by rule; each split has the same rules
 */
export function summarise (trials: readonly SplitResult[][], maxEmDrop: number) {
  return (trials[0] ?? []).map(({ name }, rule) => {
    const own = trials.map((split) => split[rule]!)
    const drops = own.map(({ emLost, generations }) => emLost / generations)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    return {
      name,
      tokens_saved_ratio: mean(own.map((trial) => savedBy(trial, trial.tokens + trial.probeTokens))),
      tokens_saved_gross_ratio: mean(own.map((trial) => savedBy(trial, trial.tokens))),
      em_drop: mean(drops),
      worst_em_drop: Math.max(...drops),
      /** Number of splits whose EM drop was above the bound. */
      exceeded: drops.filter((drop) => drop > maxEmDrop + 1e-12).length,
      /** Number of splits with a certified threshold. */
      certified: own.filter(({ isCertified }) => isCertified).length,
      splits: own.length,
    }
  })
}

/** Share of the tokens of full runs that is saved if `spent` tokens are spent. */
function savedBy ({ fullTokens }: SplitResult, spent: number): number {
  return fullTokens === 0 ? 0 : 1 - spent / fullTokens
}
