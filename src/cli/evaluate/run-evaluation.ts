import { uniform } from '../../core/assignment/arm.js'
import type { Levels } from '../../core/policy/context.js'
import { fitPredictor } from '../../core/predictor/fit-predictor.js'
import type { Predictor } from '../../core/predictor/predictor.js'
import type { Sample } from '../../core/predictor/sample.js'
import { seededRandom } from '../traces/seeded-random.js'
import { keyUnder, type Ending, type RecordedRun } from '../traces/recorded-run.js'
import { caseOf, type Case } from './candidates.js'
import { certifiedRules, type Served, type Wish } from './certified-rules.js'
import { ORACLE, plainRules } from './plain-rules.js'
import { groupOf, splitGroups, type Shares } from './split-groups.js'
import { summarise, type Trial } from './summarise.js'

export interface Plan extends Wish {
  readonly levels: Levels
  /** Index of the certified and reported link in the chain of contexts. */
  readonly at: number
  readonly splits: number
  readonly shares: Shares
  readonly seed: number
}

export type Evaluation = ReturnType<typeof runEvaluation>
export type EvaluatedContext = Evaluation['contexts'][number]

/**
 * Learns, certifies and tests on separate groups, in each split. Generations of a group are not independent, so with fewer groups to
 * certify on than generations, certificates are too optimistic.
 * @returns the results by context and in total, and the number of splits with enough evidence to fit a predictor
 */
export function runEvaluation (runs: readonly RecordedRun[], plan: Plan) {
  const cases = runs.map((run) => caseOf(run, keyUnder(plan.levels, run), plan.at))
  const keys = [...new Set(cases.map(({ key }) => key))].sort()
  const plain = plainRules(runs)
  const random = seededRandom(plan.seed)
  const trials = new Map<string, Trial[][]>(keys.map((key) => [key, []]))
  const toCertifyOn = new Map(keys.map((key) => [key, { generations: 0, groups: 0 }]))
  const totals: Trial[][] = []
  let predictors = 0
  for (let i = 0; i < plan.splits; i++) {
    const split = splitGroups(cases, plan.shares, random, i)
    const predictor = learn(split.learn, plan.levels)
    if (predictor !== null) predictors++
    const within = (list: readonly Case[], key: string) => list.filter((one) => one.key === key)
    const rows = keys.map((key) => {
      const own = { learn: within(split.learn, key), certify: within(split.certify, key), test: within(split.test, key) }
      const served = [
        ...plain.map(({ name, end }): Served => ({ name, endings: own.test.map(({ run }) => end(run)), isCertified: false })),
        ...certifiedRules(own, predictor, plan),
        { name: ORACLE.name, endings: own.test.map(({ run }) => ORACLE.end(run)), isCertified: false },
      ]
      const row = served.map((each): Trial => trialOf(each, own.test))
      trials.get(key)!.push(row)
      const sums = toCertifyOn.get(key)!
      sums.generations += own.certify.length
      sums.groups += new Set(own.certify.map(({ run }) => groupOf(run))).size
      return row
    })
    totals.push(rows[0]!.map((_, rule) => rows.map((row) => row[rule]!).reduce(addTrials)))
  }
  const summariesOf = (list: readonly Trial[][]) => {
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

function trialOf ({ name, endings, isCertified }: Served, test: readonly Case[]): Trial {
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

function addTrials (a: Trial, b: Trial): Trial {
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
