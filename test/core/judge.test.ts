import t from 'tap'
import { losslessGenerations } from '../../src/core/certificate.js'
import { GRID } from '../../src/core/grid.js'
import { rawFamily } from '../../src/core/family.js'
import { freezeGuarantee, isCurrent, judge, weigh } from '../../src/core/judge.js'
import { FIRST, GAINED, KEPT, LOST, memoryFold, outcomeOf, policyWith, SURE_STEP } from './memory-fold.js'
import { GUARANTEE } from './snapshot-of.js'

const levels = ['model', 'task']
const NONE = new Map()

function stateOf (kept: number, ...others: Parameters<ReturnType<typeof memoryFold>['learn']>[0][]) {
  const fold = memoryFold()
  fold.learn(KEPT, 0, kept)
  for (const other of others) fold.learn(other)
  return fold.state()
}

t.test('a context is certified once its evidence reaches 1/error_level', async (t) => {
  t.equal(judge(stateOf(FIRST - 1), policyWith(), levels, NONE).index, -1)
  t.equal(judge(stateOf(FIRST), policyWith(), levels, NONE).index, GRID.length - 1)
  t.strictSame(judge(undefined, policyWith(), levels, NONE), { scorer: null, index: -1, threshold: null, guarantee: null })
})

t.test('the guarantee says what it rests on', async (t) => {
  const unlabelled = outcomeOf({ full: {} })
  const state = stateOf(796, LOST, LOST, LOST, GAINED, unlabelled, unlabelled, unlabelled, unlabelled)
  const { guarantee } = weigh(state, policyWith(), levels, NONE)
  t.strictSame(guarantee, {
    max_em_drop: 0.02,
    error_level: 0.05,
    post_hoc: false,
    label: 'exact_match',
    labelled_ratio: 800 / 804,
    generations: 800,
    em_drop: 0.0025,
    tokens_saved_ratio: 0.6,
    epoch: 1,
  })
  t.equal(weigh(stateOf(FIRST), policyWith(), levels, NONE).threshold, GRID.at(-1))
})

t.test('the threshold is the last that passes: losses at a loose one leave the safer ones alone', async (t) => {
  const state = stateOf(300, ...Array.from({ length: 40 }, () => outcomeOf({
    steps: [{ tokens: 20, confidence: GRID[12]!, exact_match: 0 }, SURE_STEP],
  })))
  t.equal(judge(state, policyWith(), levels, NONE).index, 11)
})

t.test('a wish stated after looking must reach 30/error_level', async (t) => {
  const state = stateOf(FIRST)
  const looser = policyWith({ max_em_drop: 0.03 })
  t.ok(rawFamily(state, looser).isPostHoc)
  t.ok(rawFamily(state, policyWith({ error_level: 0.1 })).isPostHoc)
  t.notOk(rawFamily(state, policyWith({ mode: 'shadow' })).isPostHoc)
  t.equal(rawFamily(state, looser).bar, Math.log(600))
  t.equal(rawFamily(state, policyWith()).bar, Math.log(20))

  const needed = losslessGenerations(0.03, 0.05 / 30)
  t.ok(needed > FIRST && losslessGenerations(0.03, 0.05) < FIRST, 'stated in time, the looser wish would be met by now')
  t.equal(judge(stateOf(needed - 1), looser, levels, NONE).index, -1)
  t.match(judge(stateOf(needed), looser, levels, NONE), { index: GRID.length - 1, guarantee: { post_hoc: true, max_em_drop: 0.03 } })
  t.match(judge(stateOf(needed), policyWith(), levels, NONE), { guarantee: { post_hoc: false } }, 'the first wish still stands')
})

t.test('evidence of another meaning certifies nothing', async (t) => {
  const state = stateOf(1000)
  for (const change of [{ label: 'agreement' }, { min_tokens: 1 }, { check_every_tokens: 64 }] as const) {
    t.equal(judge(state, policyWith(change), levels, NONE).index, -1, JSON.stringify(change))
    t.notOk(isCurrent(state, policyWith(change), levels))
  }
  t.equal(judge(state, policyWith(), ['task', 'model'], NONE).index, -1, 'other levels')
  t.equal(judge({ ...state, meaning: { ...state.meaning, score: 'predictor' as 'confidence' } }, policyWith(), levels, NONE).index, -1, 'another score')
  t.ok(judge(state, policyWith(), levels, NONE).index > -1)
})

t.test('the guarantee shown is frozen until it promises something else, its evidence grew by a tenth, or an old half went', async (t) => {
  const now = (change: Partial<typeof GUARANTEE>) => ({ ...GUARANTEE, em_drop: 0.01, ...change })
  const isFrozen = (change: Partial<typeof GUARANTEE>) => freezeGuarantee(GUARANTEE, now(change)) === GUARANTEE
  t.ok(isFrozen({ generations: 300 }))
  t.ok(isFrozen({ generations: 329 }))
  t.notOk(isFrozen({ generations: 330 }))
  t.notOk(isFrozen({ generations: 299 }))
  for (const change of [{ max_em_drop: 0.03 }, { error_level: 0.1 }, { post_hoc: true }, { epoch: 2 }]) {
    t.notOk(isFrozen(change), JSON.stringify(change))
  }
  t.equal(freezeGuarantee(GUARANTEE, null), null)
  t.equal(freezeGuarantee(null, GUARANTEE), GUARANTEE)
})

t.test('replicas say what the learner froze, unless a policy it has not folded yet promises something else', async (t) => {
  const state = stateOf(1000)
  const { generations } = state.guarantee!
  t.ok(generations < 1000 && 1.1 * generations > 1000, `of ${generations} generations, not a tenth ago`)
  t.equal(judge(state, policyWith(), levels, NONE).guarantee, state.guarantee)
  t.match(judge(state, policyWith({ max_em_drop: 0.03 }), levels, NONE).guarantee, { max_em_drop: 0.03, post_hoc: true, generations: 1000 })
})
