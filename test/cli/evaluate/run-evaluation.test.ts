import t from 'tap'
import { runEvaluation, groupOf, splitGroups, summarise, type EvaluationPlan, type SplitResult } from '../../../src/cli/evaluate/run-evaluation.js'
import { simulatedRuns, runOf } from './traces.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'

const plan: EvaluationPlan = { levels: ['model', 'task'], at: 2, maxEmDrop: 0.05, errorLevel: 0.05, splits: 3, shares: [1, 1, 1], seed: 1 }
const runs = simulatedRuns(900)

t.test('every rule is evaluated in every split, by context and in total', async (t) => {
  const { contexts, total, predictors } = runEvaluation(runs, plan)
  t.equal(predictors, 3)
  t.strictSame(contexts.map(({ key }) => key), ['model=bold-8b,task=math', 'model=steady-8b,task=choices', 'model=steady-8b,task=math'])
  t.equal(total.generations, 900, 'three splits test a third each')
  for (const { rules } of [...contexts, total]) {
    const [never, best] = [rules[0]!, rules.at(-1)!]
    t.match(never, { name: 'never stop', tokens_saved_ratio: 0, em_drop: 0, splits: 3 })
    for (const { name, tokens_saved_ratio: saved, certified, splits } of rules) {
      t.ok(saved >= 0 && saved < 1 && certified <= splits, name)
    }
    t.ok(best.em_drop <= 0 && best.tokens_saved_ratio > 0, 'the best stop in hindsight loses nothing')
  }
  t.ok(total.rules.some(({ name, certified }) => name === 'predictor certified' && certified > 0))
})

t.test('the same seed gives the same figures, and another seed gives other figures', async (t) => {
  const once = runEvaluation(runs, { ...plan, splits: 1 })
  t.strictSame(runEvaluation(runs, { ...plan, splits: 1 }), once)
  t.notSame(runEvaluation(runs, { ...plan, splits: 1, seed: 2 }), once)
})

t.test('groups are counted beside generations', async (t) => {
  const own = runEvaluation(runs, { ...plan, splits: 2 }).contexts
  for (const { generations_to_certify_on: generations, groups_to_certify_on: groups } of own) t.equal(groups, generations)
  const paired = runs.map((run, i) => ({ ...run, outcome: { ...run.outcome, group_id: `question ${Math.floor(i / 6)}` } }))
  const { contexts } = runEvaluation(paired, { ...plan, splits: 2 })
  for (const { generations_to_certify_on: generations, groups_to_certify_on: groups } of contexts) {
    t.ok(groups > 0 && generations === 2 * groups, `${generations} of ${groups}`)
  }
})

t.test('thresholds can be certified at a higher level', async (t) => {
  const { contexts } = runEvaluation(runs, { ...plan, at: 1, splits: 1 })
  t.strictSame(contexts.map(({ key }) => key), ['model=bold-8b', 'model=steady-8b'])
})

t.test('there is no predictor without enough evidence', async (t) => {
  const { predictors, total } = runEvaluation(runs.slice(0, 30), { ...plan, splits: 2 })
  t.equal(predictors, 0)
  t.match(total.rules.find(({ name }) => name === 'predictor certified'), { certified: 0, tokens_saved_ratio: 0 })
})

const items = Array.from({ length: 180 }, (_, i) => ({
  key: i < 120 ? 'task=a' : 'task=b', run: runOf(`g${i}`, 1, [[0.5, 1]], { group_id: `p${Math.floor(i / 2)}`, sample_index: i % 2 }),
}))
const groupsOf = (part: typeof items) => new Set(part.map(({ run }) => groupOf(run)))

t.test('whole groups are split, each context in the same shares', async (t) => {
  const { learn, certify, test } = splitGroups(items, [1, 1, 1], seededRandom(1), 0)
  t.strictSame([learn.length, certify.length, test.length], [60, 60, 60])
  for (const part of [learn, certify, test]) t.equal(part.filter(({ key }) => key === 'task=a').length, 40)
  const all = [learn, certify, test].map(groupsOf)
  t.equal(all.reduce((sum, groups) => sum + groups.size, 0), 90, 'no group is in two parts')
})

t.test('shares may differ', async (t) => {
  const { learn, certify, test } = splitGroups(items, [1, 4, 1], seededRandom(1), 3)
  t.strictSame([learn.length, certify.length, test.length], [30, 120, 30])
})

t.test('the seed decides the split', async (t) => {
  const random = seededRandom(1)
  const first = groupsOf(splitGroups(items, [1, 1, 1], random, 0).learn)
  t.notSame(groupsOf(splitGroups(items, [1, 1, 1], random, 1).learn), first)
  t.strictSame(groupsOf(splitGroups(items, [1, 1, 1], seededRandom(1), 0).learn), first)
  t.strictSame(groupsOf(splitGroups([...items].reverse(), [1, 1, 1], seededRandom(1), 0).learn), first, 'whatever the order of the lines')
})

t.test('a generation without group_id is a group of its own', async (t) => {
  t.equal(groupOf(runOf('alone', 1, [])), 'alone')
})

const trial = (tokens: number, emLost: number, isCertified: boolean): SplitResult => ({ name: 'x', generations: 100, tokens, probeTokens: 10, fullTokens: 1000, emLost, isCertified })

const [summary] = summarise([[trial(500, 2, true)], [trial(600, 3, true)], [trial(1000, -1, false)]], 0.02)
t.match(summary, { name: 'x', exceeded: 1, certified: 2, splits: 3, worst_em_drop: 0.03 })
t.ok(Math.abs(summary!.tokens_saved_ratio - 0.29) < 1e-12, 'net of the probes')
t.ok(Math.abs(summary!.tokens_saved_gross_ratio - 0.3) < 1e-12)
t.ok(Math.abs(summary!.em_drop - 0.04 / 3) < 1e-12, '0.02 is not above 0.02')
t.strictSame(summarise([], 0.02), [])
