import t from 'tap'
import { runEvaluation, groupOf, SERVICE, splitGroups, summarise, type EvaluationPlan, type SplitResult } from '../../../src/cli/evaluate/run-evaluation.js'
import { runOf } from './traces.js'
import { simulatedRuns } from '../../../src/cli/traces/simulated-runs.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'

const policy = { max_em_drop: 0.05, check_every_tokens: 32, check_growth: 0 }
const plan: EvaluationPlan = { levels: ['model', 'task'], policy, probeTokens: null, runs: 3, seed: 1 }
const runs = simulatedRuns(900, 3)
const all = runEvaluation(runs, plan)
const few = runs.slice(0, 150)
type Rules = ReturnType<typeof runEvaluation>['total']['rules']

t.test('every rule is evaluated in every run, by context and in total', async (t) => {
  const { contexts, total, predictors } = all
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

t.test('the service plays all generations, and says when it certified', async (t) => {
  const { contexts, total } = all
  const played = total.rules.find(({ name }) => name === SERVICE)!
  t.equal(played.certified, 3)
  t.ok(played.tokens_saved_ratio > 0 && played.em_drop < 0.05, JSON.stringify(played))
  const certified = contexts.filter(({ first_certificate_after: first }) => first !== null)
  t.ok(certified.length > 0)
  for (const { key, first_certificate_after: first } of certified) t.ok(first! >= 73 && first! < 300, `${key}: ${first}`)
  const { contexts: strict } = runEvaluation(few, { ...plan, policy: { ...policy, max_em_drop: 0.001 }, runs: 1 })
  for (const { first_certificate_after: first } of strict) t.equal(first, null)
})

t.test('probes are paid for, as recorded or at a stated price', async (t) => {
  const [cheap, dear] = [1, 4].map((probeTokens) => runEvaluation(few, { ...plan, probeTokens, runs: 1 }).total.rules) as [Rules, Rules]
  for (const [i, { name, tokens_saved_ratio: net, tokens_saved_gross_ratio: gross }] of dear.entries()) {
    if (name === 'never stop' || name === 'best possible') t.equal(net, gross, name)
    else t.ok(net < gross && (net < cheap[i]!.tokens_saved_ratio || name === SERVICE), name)
  }
})

t.test('the same seed gives the same figures, and another seed gives other figures', async (t) => {
  const once = runEvaluation(few, { ...plan, runs: 1 })
  t.strictSame(runEvaluation(few, { ...plan, runs: 1 }), once)
  t.notSame(runEvaluation(few, { ...plan, runs: 1, seed: 2 }), once)
})

t.test('groups are counted beside generations', async (t) => {
  const own = runEvaluation(few, { ...plan, runs: 2 }).contexts
  for (const { generations_to_certify_on: generations, groups_to_certify_on: groups } of own) t.equal(groups, generations)
  const paired = few.map((run, i) => ({ ...run, outcome: { ...run.outcome, group_id: `question ${Math.floor(i / 6)}` } }))
  const { contexts } = runEvaluation(paired, { ...plan, runs: 2 })
  for (const { generations_to_certify_on: generations, groups_to_certify_on: groups } of contexts) {
    t.ok(groups > 0 && generations === 2 * groups, `${generations} of ${groups}`)
  }
})

t.test('thresholds can be certified at a higher level', async (t) => {
  const { contexts } = runEvaluation(few, { ...plan, policy: { ...policy, certify_at: 'model' }, runs: 1 })
  t.strictSame(contexts.map(({ key }) => key), ['model=bold-8b', 'model=steady-8b'])
})

t.test('there is no predictor without enough evidence', async (t) => {
  const { predictors, total } = runEvaluation(runs.slice(0, 30), { ...plan, runs: 2 })
  t.equal(predictors, 0)
  t.match(total.rules.find(({ name }) => name === 'predictor certified'), { certified: 0, tokens_saved_ratio: 0 })
})

const items = Array.from({ length: 180 }, (_, i) => ({
  key: i < 120 ? 'task=a' : 'task=b', run: runOf(`g${i}`, 1, [[0.5, 1]], { group_id: `p${Math.floor(i / 2)}`, sample_index: i % 2 }),
}))
const groupsOf = (part: typeof items) => new Set(part.map(({ run }) => groupOf(run)))

t.test('whole groups are split, each context in thirds', async (t) => {
  const { learn, certify, test } = splitGroups(items, seededRandom(1), 0)
  t.strictSame([learn.length, certify.length, test.length], [60, 60, 60])
  for (const part of [learn, certify, test]) t.equal(part.filter(({ key }) => key === 'task=a').length, 40)
  const all = [learn, certify, test].map(groupsOf)
  t.equal(all.reduce((sum, groups) => sum + groups.size, 0), 90, 'no group is in two parts')
})

t.test('the seed decides the split', async (t) => {
  const random = seededRandom(1)
  const first = groupsOf(splitGroups(items, random, 0).learn)
  t.notSame(groupsOf(splitGroups(items, random, 1).learn), first)
  t.strictSame(groupsOf(splitGroups(items, seededRandom(1), 0).learn), first)
  t.strictSame(groupsOf(splitGroups([...items].reverse(), seededRandom(1), 0).learn), first, 'whatever the order of the lines')
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
