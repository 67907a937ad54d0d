import fc from 'fast-check'
import t from 'tap'
import { type Bundle, bundleOf, snapshotOfBundle } from '../../../src/core/decide/bundle.js'
import { decide, type Freshness } from '../../../src/core/decide/decide.js'
import type { Step } from '../../../src/core/decide/step.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { ANY_OTHER, NO_NODES, ruleFor, type Snapshot, type SnapshotNode } from '../../../src/core/decide/snapshot.js'
import { clampConfidence } from '../../../src/core/decide/scorer.js'
import { type Context, contextKey, isWithin } from '../../../src/core/policy/context.js'
import { holds } from '../../property.js'
import { snapshots, stepWith } from './random-steps.js'
import { PREDICTOR, snapshotOf } from './snapshot-of.js'

const sent = (bundle: Bundle): Bundle => JSON.parse(JSON.stringify(bundle))
const throughJson = (snapshot: Snapshot) => snapshotOfBundle(sent(bundleOf(snapshot)))

/** Decides like a minimal worker, which ignores `scorer` and compares the confidence with `threshold` at the checks. */
function stopsUnaware ({ rules, levels, root }: Bundle, step: Step): boolean {
  const { context, confidence, tokens, arm, due_tokens: due = 0, retry_of: retried } = step
  let node = root
  for (const level of levels) {
    const child = node.below?.[context?.[level] ?? '']
    if (child === undefined) break
    node = child
  }
  const { mode, threshold, min_tokens: minTokens } = rules[node.rule!]!
  const sure = clampConfidence(confidence) // float32 may be past an end by a little
  return retried === undefined && mode === 'enforce' && threshold !== null && sure !== null && arm !== 'control' && tokens >= Math.max(due, minTokens) && sure >= threshold
}

t.test('a worker that ignores predictors continues where one serves and decides rightly elsewhere', async (t) => {
  const seen = new Set<string>()
  holds(t, fc.property(snapshots, fc.array(stepWith(null), { maxLength: 6 }), (snapshot, steps) => {
    const bundle = sent(bundleOf(snapshot))
    return steps.every((one) => {
      const step: Step = { ...one, arm: 'treated' }
      const { decision, scorer } = decide(snapshot, 'fresh', step)
      seen.add(`${decision} by ${scorer}`)
      return stopsUnaware(bundle, step) === (decision === 'stop' && scorer === 'confidence')
    })
  }), 1000)
  t.ok(seen.has('stop by p') && seen.has('stop by confidence'), 'both kinds of stop occurred')
})

t.test('the threshold for a predictor\'s score has a field of its own', async (t) => {
  const served = { index: 3, policy: { score: PREDICTOR.name } }
  const { format, rules } = bundleOf(snapshotOf({ 'model=q,task=x': served }))
  t.equal(format, 1)
  t.match(rules.at(-1), { threshold: null, scorer: PREDICTOR.name, score_threshold: PREDICTOR.grid[3] })
})

t.test('law 2: a bundle has no threshold where one is suspended, so that no worker can misread it', async (t) => {
  const own = bundleOf(snapshotOf({ 'model=q,task=x': { index: 3, isSuspended: true } }))
  t.match(own.rules.at(-1), { threshold: null, suspended: true, scope: 'none' })
  const predicted = bundleOf(snapshotOf({ 'model=q,task=x': { index: 3, isSuspended: true, policy: { score: PREDICTOR.name } } }))
  t.match(predicted.rules.at(-1), { threshold: null, score_threshold: null })
  const step: Step = { tokens: 1, confidence: 1, arm: 'treated', context: { model: 'q', task: 'x' } }
  t.match(decide(snapshotOfBundle(sent(own)), 'fresh', step), { decision: 'continue', reason: 'suspended', threshold: null, next_check_tokens: null })
  t.notOk(bundleOf(snapshotOf({ 'model=q,task=x': { index: 3 } })).rules.some((rule) => 'suspended' in rule))
})

t.test('a bundle for a prefix reveals nothing about other contexts', async (t) => {
  const snapshot = snapshotOf({ '*': { index: 1 }, 'model=q,task=x': { index: 3, learnedControlShare: 0.4 }, 'model=secret,task=x': { index: 4 } })
  const bundle = bundleOf(snapshot, 'model=q')
  t.notMatch(JSON.stringify(bundle), 'secret')
  t.same(Object.keys(bundle.root), ['below'], 'no rule above the prefix')
  t.match(bundle, { prefix: 'model=q', root: { below: { q: { rule: 0, below: { x: { rule: 1, control_share: 0.4 } } } } } })
})

t.test('contexts share rules, and a context value may be any word', async (t) => {
  const stands = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`model=q,task=t${i}`, { index: i % 2, learnedControlShare: 0.02 + i / 1000 }]))
  const bundle = bundleOf(snapshotOf(stands))
  t.equal(bundle.rules.length, 3)
  const odd = snapshotOf({ 'model=__proto__,task=constructor': { index: 3, learnedControlShare: 0.4 } })
  t.match(decide(throughJson(odd), 'fresh', { tokens: 1, confidence: 1, arm: 'treated', context: { model: '__proto__', task: 'constructor' } }), { decision: 'stop' })
  t.match(decide(throughJson(odd), 'fresh', { tokens: 1, confidence: 1, arm: 'treated', context: { model: 'toString' } }), { reason: 'no_threshold' })
})

const FRESHNESS = fc.constantFrom<Freshness>('fresh', 'stale', 'too_old')
const bundleThroughJson = (snapshot: Snapshot, prefix?: string) => snapshotOfBundle(JSON.parse(JSON.stringify(bundleOf(snapshot, prefix))))

t.test('a decision from a bundle sent as JSON equals the service\'s to the bit', async (t) => {
  holds(t, fc.property(snapshots, FRESHNESS, fc.array(stepWith(null), { maxLength: 6 }), (snapshot, freshness, steps) => {
    const bundled = bundleThroughJson(snapshot)
    return steps.every((step) => {
      t.same(decide(bundled, freshness, step), decide(snapshot, freshness, step))
      const [mine, its] = [ruleFor(bundled, step.context), ruleFor(snapshot, step.context)]
      return mine.storePrompts === its.storePrompts
    })
  }), 300)
})

t.test('a bundle for a prefix decides the same within it, and continues elsewhere', async (t) => {
  const prefix = fc.constantFrom('*', 'model=q', 'model=q,task=q', 'model=q,task=-', 'model=nobody', 'model=r,task=-', 'model=a%2Cb')
  holds(t, fc.property(snapshots, prefix, fc.array(stepWith(null), { maxLength: 6 }), (snapshot, prefix, steps) => {
    const bundled = bundleThroughJson(snapshot, prefix)
    return steps.every((step) => {
      const [mine, its] = [decide(bundled, 'fresh', step), decide(snapshot, 'fresh', step)]
      if (isWithin(contextKey(snapshot.levels, step.context ?? {}), prefix)) t.same(mine, its)
      return mine.decision === 'continue' || isWithin(contextKey(snapshot.levels, step.context ?? {}), prefix)
    })
  }), 300)
})

t.test('a bundle has the policies of values that no context has yet', async (t) => {
  const KEY = 'model=q,task=x'
  const certified = (index: number) => ({ ...ruleFor(snapshotOf({ [KEY]: { index } }), { model: 'q', task: 'x' }), context: null })
  const node = (index: number, others: SnapshotNode['others'] = NO_NODES): SnapshotNode =>
    ({ key: '', rule: certified(index), children: NO_NODES, others })
  const { root, ...rest } = snapshotOf({ [KEY]: { index: 3 } })
  const anyModel = node(5, new Map([['x', node(7)], [ANY_OTHER, node(9)]]))
  const snapshot: Snapshot = { ...rest, root: { ...root, others: new Map([['named', node(11)], [ANY_OTHER, anyModel]]) } }
  const bundled = bundleThroughJson(snapshot)
  const contexts: Context[] = [{ model: 'q', task: 'x' }, { model: 'named' }, { model: 'new', task: 'x' }, { model: 'new', task: 'y' }]
  const thresholds = contexts.map((context) => {
    const [mine, its] = [bundled, snapshot].map((from) => decide(from, 'fresh', { tokens: 1, confidence: 1, arm: 'treated', context }))
    t.same(mine, its)
    return mine!.threshold
  })
  t.same(thresholds, [3, 11, 7, 9].map((index) => GRID[index]))
})

t.test('a bundle that lacks a part it refers to is refused', async (t) => {
  const snapshot = snapshotOf({ '*': { index: 3, policy: { score: 'p' } } })
  const bundle = bundleOf(snapshot)
  t.match(snapshotOfBundle(bundle).root.rule, { scorer: { name: 'p' } })
  t.throws(() => snapshotOfBundle({ ...bundle, rules: [] }), { message: 'the bundle has no rule 0' })
  t.throws(() => snapshotOfBundle({ ...bundle, predictors: {} }), { message: 'the bundle has no predictor p' })
  t.throws(() => snapshotOfBundle({ ...bundle, weights: [] }), { message: 'the bundle has no weights 0' })
  t.throws(() => snapshotOfBundle({ ...bundle, root: { rule: 0 } }), { message: 'the bundle has no weights of p' })
})
