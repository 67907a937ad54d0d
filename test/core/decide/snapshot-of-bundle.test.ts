import fc from 'fast-check'
import t from 'tap'
import { bundleOf } from '../../../src/core/decide/bundle.js'
import { decide, type Decision, type Freshness } from '../../../src/core/decide/decide.js'
import { stepAt } from '../../../src/core/decide/decide-columns.js'
import { snapshotOfBundle } from '../../../src/core/decide/snapshot-of-bundle.js'
import { ruleFor, type Snapshot } from '../../../src/core/decide/snapshot.js'
import { contextKey, isWithin } from '../../../src/core/policy/context.js'
import { holds } from '../../property.js'
import { columnsWith, snapshots } from './random-columns.js'
import { snapshotOf } from './snapshot-of.js'

const FRESHNESS = fc.constantFrom<Freshness>('fresh', 'stale', 'too_old')
const throughJson = (snapshot: Snapshot, prefix?: string) => snapshotOfBundle(JSON.parse(JSON.stringify(bundleOf(snapshot, prefix))))
const withoutGuarantee = ({ guarantee: _, ...rest }: Decision) => rest

t.test('a decision from a bundle sent as JSON equals the service\'s to the bit', async (t) => {
  holds(t, fc.property(snapshots, FRESHNESS, columnsWith(null, 6), (snapshot, freshness, columns) => {
    const bundled = throughJson(snapshot)
    return columns.context.every((_, row) => {
      const step = stepAt(columns, row)
      t.same(withoutGuarantee(decide(bundled, freshness, step)), withoutGuarantee(decide(snapshot, freshness, step)))
      return ruleFor(bundled, step.context).recordSteps === ruleFor(snapshot, step.context).recordSteps
    })
  }), 300)
})

t.test('a bundle for a prefix decides the same within it, and continues elsewhere', async (t) => {
  const prefix = fc.constantFrom('*', 'model=q', 'model=q,task=q', 'model=q,task=-', 'model=nobody', 'model=r,task=-', 'model=a%2Cb')
  holds(t, fc.property(snapshots, prefix, columnsWith(null, 6), (snapshot, prefix, columns) => {
    const bundled = throughJson(snapshot, prefix)
    return columns.context.every((_, row) => {
      const step = stepAt(columns, row)
      const [mine, its] = [decide(bundled, 'fresh', step), decide(snapshot, 'fresh', step)]
      if (isWithin(contextKey(snapshot.levels, step.context ?? {}), prefix)) t.same(withoutGuarantee(mine), withoutGuarantee(its))
      return mine.decision === 'continue' || isWithin(contextKey(snapshot.levels, step.context ?? {}), prefix)
    })
  }), 300)
})

t.test('a bundle that lacks a part it refers to is refused', async (t) => {
  const snapshot = snapshotOf({ '*': { index: 3, scorer: 'p', trials: [] } }, [])
  const bundle = bundleOf(snapshot)
  t.match(snapshotOfBundle(bundle).root.rule, { scorer: { name: 'p' } })
  t.throws(() => snapshotOfBundle({ ...bundle, rules: [] }), { message: 'the bundle has no rule 0' })
  t.throws(() => snapshotOfBundle({ ...bundle, predictors: {} }), { message: 'the bundle has no predictor p' })
  t.throws(() => snapshotOfBundle({ ...bundle, weights: [] }), { message: 'the bundle has no weights 0' })
  t.throws(() => snapshotOfBundle({ ...bundle, root: { rule: 0 } }), { message: 'the bundle has no weights of p' })
})
