import fc from 'fast-check'
import t from 'tap'
import { bundleOf, snapshotOfBundle, type Bundle } from '../../src/core/bundle.js'
import { contextKey, isWithin } from '../../src/core/context.js'
import { decide, type Decision, type Freshness } from '../../src/core/decide.js'
import { stepAt } from '../../src/core/decide-columns.js'
import type { Snapshot } from '../../src/core/snapshot.js'
import { holds } from '../property.js'
import { columnsWith, snapshots } from './random-columns.js'
import { snapshotOf } from './snapshot-of.js'

const FRESHNESS = fc.constantFrom<Freshness>('fresh', 'stale', 'too_old')
const sent = (bundle: Bundle): Bundle => JSON.parse(JSON.stringify(bundle))
const throughJson = (snapshot: Snapshot, prefix?: string) => snapshotOfBundle(sent(bundleOf(snapshot, prefix)))
const withoutGuarantee = ({ guarantee: _, ...rest }: Decision) => rest

t.test('a decision from the bundle is the service\'s, to the bit, through JSON', async (t) => {
  holds(t, fc.property(snapshots, FRESHNESS, columnsWith(null, 6), (snapshot, freshness, columns) => {
    const bundled = throughJson(snapshot)
    return columns.context.every((_, row) => {
      const step = stepAt(columns, row)
      t.same(withoutGuarantee(decide(bundled, freshness, step)), withoutGuarantee(decide(snapshot, freshness, step)))
      return true
    })
  }), 300)
})

t.test('within a prefix too, known or not; what is not within is off', async (t) => {
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

t.test('a prefix tells nothing of others', async (t) => {
  const snapshot = snapshotOf({ '*': { index: 1 }, 'model=q,task=x': { index: 3, share: 0.4 }, 'model=secret,task=x': { index: 4 } })
  const bundle = bundleOf(snapshot, 'model=q')
  t.notMatch(JSON.stringify(bundle), 'secret')
  t.same(Object.keys(bundle.root), ['below'], 'no rule above the prefix')
  t.match(bundle, { prefix: 'model=q', root: { below: { q: { rule: 0, below: { x: { rule: 1, control_share: 0.4 } } } } } })
})

t.test('contexts share rules, and the words of a context can not break out', async (t) => {
  const stands = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`model=q,task=t${i}`, { index: i % 2, share: 0.02 + i / 1000 }]))
  const bundle = bundleOf(snapshotOf(stands))
  t.equal(bundle.rules.length, 3)
  const odd = snapshotOf({ 'model=__proto__,task=constructor': { index: 3, share: 0.4 } })
  t.match(decide(throughJson(odd), 'fresh', { tokens: 1, confidence: 1, arm: 'treated', context: { model: '__proto__', task: 'constructor' } }), { decision: 'stop' })
  t.match(decide(throughJson(odd), 'fresh', { tokens: 1, confidence: 1, arm: 'treated', context: { model: 'toString' } }), { reason: 'no_threshold' })
})
