import fc from 'fast-check'
import t from 'tap'
import { compileSnapshot, SnapshotCompiler } from '../../../src/core/decide/compile-snapshot.js'
import { byDepth, chainOf, contextChain, type Context } from '../../../src/core/policy/context.js'
import type { Policy } from '../../../src/core/policy/policy.js'
import { ruleFor, type Snapshot, type Standpoint } from '../../../src/core/decide/snapshot.js'
import { holds } from '../../property.js'
import { standingWith, type Stands } from './snapshot-of.js'

const LEVELS = ['a', 'b', 'c']
const value = fc.constantFrom('x', 'y', '-', 'x,b=y')
const context: fc.Arbitrary<Context> = fc.record({ a: value, b: value, c: value }, { requiredKeys: [], noNullPrototype: true })
const key = fc.tuple(context, fc.nat(3)).map(([its, depth]) => contextChain(LEVELS, its)[depth]!)
const stands: fc.Arbitrary<Stands> = fc.record({
  index: fc.constantFrom(-1, 3, 10),
  savedRatio: fc.constantFrom(0.2, 0.5),
  isRecovering: fc.boolean(),
  policy: fc.record({ fallback: fc.constantFrom<Policy['fallback']>('parent', 'continue') }),
})

const standpoint = (key: string, its: Stands): Standpoint => ({ standing: standingWith(key, its), share: its.share })
const header = (version: number) => ({ stateId: 's', version, salt: 'salt' })
const whole = (standpoints: ReadonlyMap<string, Standpoint>) => compileSnapshot({ ...header(1), levels: LEVELS }, standpoints)
const inOrder = (children: Map<string, unknown>) => [...children].sort(([a], [b]) => a < b ? -1 : 1)
const asText = ({ root }: Snapshot) => JSON.stringify(root, (_name, inner) => inner instanceof Map ? inOrder(inner) : inner)
const versionsOf = fc.array(fc.array(fc.tuple(key, stands), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })

t.test('what is compiled from the one before is what is compiled from nothing, and the one before stays as it was', async (t) => {
  holds(t, fc.property(versionsOf, (versions) => {
    const standpoints = new Map<string, Standpoint>([['*', standpoint('*', {})]])
    let last = whole(standpoints)
    return versions.every((changes) => {
      const [before, text] = [last, asText(last)]
      const changed = new Set<string>()
      for (const [key, its] of changes) {
        for (const link of chainOf(key)) if (!standpoints.has(link)) { standpoints.set(link, standpoint(link, {})); changed.add(link) }
        standpoints.set(key, standpoint(key, its))
        changed.add(key)
      }
      const compiler = new SnapshotCompiler(LEVELS, standpoints, new Map(), before)
      for (const key of byDepth(changed)) compiler.add(key)
      last = compiler.finish(header(2))
      return asText(last) === asText(whole(standpoints)) && asText(before) === text
    })
  }), 500)
})

t.test('what did not change is shared', async (t) => {
  const standpoints = new Map(['*', 'a=x', 'a=x,b=x', 'a=y', 'a=y,b=x'].map((key) => [key, standpoint(key, {})]))
  const before = whole(standpoints)
  standpoints.set('a=x,b=x', standpoint('a=x,b=x', { index: 3 }))
  const compiler = new SnapshotCompiler(LEVELS, standpoints, new Map(), before)
  compiler.add('a=x,b=x')
  const after = compiler.finish(header(2))
  t.equal(after.root.children.get('y'), before.root.children.get('y'))
  t.not(after.root.children.get('x'), before.root.children.get('x'))
  t.equal(after.version, 2)
  t.equal(ruleFor(after, { a: 'y', b: 'x' }), ruleFor(before, { a: 'y', b: 'x' }), 'even its rule')
})
