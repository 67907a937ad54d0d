import { uniform } from '../../core/decide/index.js'
import { distanceForProbes } from '../../core/learn/index.js'
import {
  type Cadence, certifyingDepth, chainOf, effectivePolicy, type Levels, type Policy, type PolicyPatch, ROOT,
} from '../../core/policy/index.js'
import { byText, fitPredictor, type Predictor, type Sample } from '../../core/scores/index.js'
import { atCadence, type Ending, keyAtLevels, type RecordedRun } from '../traces/recorded-run.js'
import { type Random, seededRandom, shuffle } from '../traces/seeded-random.js'
import { type PlayedRun, replay } from './replay.js'
import { type Case, caseOf, certifiedRules, ORACLE, type PlainRule, plainRules, type RuleResult, type Split } from './stopping-rules.js'

export interface EvaluationPlan {
  readonly levels: Levels
  /** Of all contexts. */
  readonly policy: PolicyPatch
  /** Tokens that a probe costs; `null`: as in the traces. */
  readonly probeTokens: number | null
  /** Random splits, and random orders in which the service plays all generations. */
  readonly runs: number
  readonly seed: number
}

export type Evaluation = ReturnType<typeof runEvaluation>
export type EvaluatedContext = Evaluation['contexts'][number]

/** The service with this policy, starting without evidence. */
export const SERVICE = 'stopgate, learning'

/**
 * Learns, certifies and tests on separate groups, in each split, and has the service play all generations. Generations of a group are not
 * independent, so the certificates of the splits are too optimistic where groups to certify on have several generations.
 * @returns the results by context and in total, and the number of splits with enough evidence to fit a predictor
 */
export function runEvaluation (runs: readonly RecordedRun[], plan: EvaluationPlan) {
  const { levels, probeTokens } = plan
  const policy = effectivePolicy(plan.policy, new Map(), ROOT)
  const { max_em_drop, error_level } = policy
  const at = certifyingDepth(levels, policy.certify_at)
  const recorded = probeTokens === null ? runs : runs.map((run) => atCadence(run, { cadence: EVERY_STEP, probeTokens }))
  const cadence = cadenceOf(policy, recorded)
  const cases = recorded.map((run) => caseOf(atCadence(run, { cadence, probeTokens: null }), keyAtLevels(levels, run), at))
  const plain = plainRules(recorded)
  const random = seededRandom(plan.seed)
  const contexts = [...new Set(cases.map(({ key }) => key))].sort()
    .map((key) => ({ key, rows: [] as SplitResult[][], firsts: [] as number[], generations: 0, groups: 0 }))
  const totals: SplitResult[][] = []
  let predictors = 0
  for (let i = 0; i < plan.runs; i++) {
    const split = splitGroups(cases, random, i)
    const predictor = learn(split.learn, levels)
    if (predictor !== null) predictors++
    const played = replay(recorded, levels, plan.policy, plan.seed + i)
    for (const context of contexts) {
      const within = (list: readonly Case[]) => list.filter(({ key }) => key === context.key)
      const own = { learn: within(split.learn), certify: within(split.certify), test: within(split.test) }
      const served = played.filter(({ run }) => chainOf(keyAtLevels(levels, run))[at] === context.key)
      const certified = certifiedRules(own, predictor, { maxEmDrop: max_em_drop, errorLevel: error_level })
      context.rows.push(rowOf(own.test.map(({ run }) => run), plain, certified, served))
      context.firsts.push(firstOf(served))
      context.generations += own.certify.length
      context.groups += new Set(own.certify.map(({ run }) => groupOf(run))).size
    }
    totals.push(contexts.map(({ rows }) => rows.at(-1)!)
      .reduce((sum, row) => sum.map((result, rule) => addSplitResults(result, row[rule]!))))
  }
  const summariesOf = (list: readonly SplitResult[][]) => {
    const tested = list.filter((row) => row[0]!.generations > 0)
    return { generations: tested.reduce((sum, row) => sum + row[0]!.generations, 0), rules: summarise(tested, max_em_drop) }
  }
  const results = contexts.map(({ key, rows, firsts, generations, groups }) => ({
    key,
    generations_to_certify_on: generations / plan.runs,
    groups_to_certify_on: groups / plan.runs,
    /** Median of the generations before the service's first certificate; `null`: it certified nothing in half of the runs. */
    first_certificate_after: median(firsts),
    ...summariesOf(rows),
  }))
  return { levels, max_em_drop, error_level, runs: plan.runs, seed: plan.seed, contexts: results, total: summariesOf(totals), predictors }
}

/** The results of all rules on the test part, and of the service on all generations. */
function rowOf (
  test: readonly RecordedRun[], plain: readonly PlainRule[], certified: readonly RuleResult[], served: readonly PlayedRun[]
): SplitResult[] {
  const plainly = ({ name, end }: PlainRule) => splitResult({ name, endings: test.map(end), isCertified: false }, test)
  const byService = { name: SERVICE, endings: served, isCertified: firstOf(served) !== Infinity }
  return [
    ...plain.map(plainly),
    ...certified.map((rule) => splitResult(rule, test)),
    splitResult(byService, served.map(({ run }) => run)),
    plainly(ORACLE),
  ]
}

/** The number of generations before the first threshold. */
function firstOf (served: readonly PlayedRun[]): number {
  const first = served.findIndex(({ hasThreshold }) => hasThreshold)
  return first === -1 ? Infinity : first
}

const EVERY_STEP: Cadence = { checkEveryTokens: 1, checkGrowth: 0, minTokens: 0 }

/** The cadence of the policy; by default, the distance follows from the tokens of a probe. */
function cadenceOf (
  { check_every_tokens: every, check_growth: checkGrowth, min_tokens: minTokens }: Policy, runs: readonly RecordedRun[]
): Cadence {
  const sum = (value: (run: RecordedRun) => number) => runs.reduce((total, run) => total + value(run), 0)
  const meanProbe = sum(({ probeTokens }) => probeTokens) / Math.max(1, sum(({ steps }) => steps.length))
  return { checkEveryTokens: every === 'auto' ? distanceForProbes(meanProbe) : every, checkGrowth, minTokens }
}

/** `null`: at least half of the values are infinite. */
function median (values: readonly number[]): number | null {
  const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
  return Number.isFinite(middle) ? middle : null
}

function splitResult ({ name, endings, isCertified }: RuleResult, test: readonly RecordedRun[]): SplitResult {
  const sum = (value: (ending: Ending, run: RecordedRun) => number) =>
    endings.reduce((total, ending, i) => total + value(ending, test[i]!), 0)
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

export function groupOf ({ outcome }: RecordedRun): string {
  return outcome.group_id ?? outcome.generation_id
}

/**
 * Splits generations by whole groups into thirds, also within each context: groups are shuffled, sorted by context and dealt in turn.
 * A group with several contexts counts for the first one.
 * @param offset where dealing starts, so that remainders go to another part in each split
 */
export function splitGroups<T extends { readonly key: string, readonly run: RecordedRun }> (
  items: readonly T[], random: Random, offset: number): Split<T> {
  const parts = ['learn', 'certify', 'test'] as const
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
 * @param splits results by split, then by rule; each split has the same rules
 */
export function summarise (splits: readonly SplitResult[][], maxEmDrop: number) {
  return (splits[0] ?? []).map(({ name }, rule) => {
    const own = splits.map((split) => split[rule]!)
    const drops = own.map(({ emLost, generations }) => emLost / generations)
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    return {
      name,
      tokens_saved_ratio: mean(own.map((split) => savedBy(split, split.tokens + split.probeTokens))),
      tokens_saved_gross_ratio: mean(own.map((split) => savedBy(split, split.tokens))),
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
