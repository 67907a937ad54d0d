import t from 'tap'
import { runEvaluation, type Plan } from '../../../src/cli/evaluate/run-evaluation.js'
import { simulatedRuns } from './traces.js'

const plan: Plan = { levels: ['model', 'task'], at: 2, maxEmDrop: 0.05, errorLevel: 0.05, splits: 3, shares: [1, 1, 1], seed: 1 }
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
