import fc from 'fast-check'
import t from 'tap'
import { compileSnapshot, SnapshotCompiler } from '../../../src/core/decide/compile-snapshot.js'
import { byDepth, chainOf, contextChain, type Context } from '../../../src/core/policy/context.js'
import type { Policy } from '../../../src/core/policy/policy.js'
import { ruleFor, type Snapshot } from '../../../src/core/decide/snapshot.js'
import type { ChainLink } from '../../../src/core/judgement/chain-link.js'
import { holds } from '../../property.js'
import { linkWith, snapshotOf, type LinkFields } from './snapshot-of.js'

const LEVELS = ['a', 'b', 'c']
const value = fc.constantFrom('x', 'y', '-', 'x,b=y')
const context: fc.Arbitrary<Context> = fc.record({ a: value, b: value, c: value }, { requiredKeys: [], noNullPrototype: true })
const key = fc.tuple(context, fc.nat(3)).map(([its, depth]) => contextChain(LEVELS, its)[depth]!)
const stands: fc.Arbitrary<LinkFields> = fc.record({
  index: fc.constantFrom(-1, 3, 10),
  savedRatio: fc.constantFrom(0.2, 0.5),
  policy: fc.record({ certify_at: fc.constantFrom<Policy['certify_at']>(null, 'a', 'b', '*') }),
})

const header = (version: number) => ({ stateId: 's', version, salt: 'salt' })
const whole = (links: ReadonlyMap<string, ChainLink>) => compileSnapshot({ ...header(1), levels: LEVELS }, links)
const inOrder = (children: Map<string, unknown>) => [...children].sort(([a], [b]) => a < b ? -1 : 1)
const asText = ({ root }: Snapshot) => JSON.stringify(root, (_name, inner) => inner instanceof Map ? inOrder(inner) : inner)
const versionsOf = fc.array(fc.array(fc.tuple(key, stands), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })

t.test('compiling on top of a snapshot equals compiling from scratch, and leaves that snapshot unchanged', async (t) => {
  holds(t, fc.property(versionsOf, (versions) => {
    const links = new Map<string, ChainLink>([['*', linkWith('*', {})]])
    let last = whole(links)
    return versions.every((changes) => {
      const [before, text] = [last, asText(last)]
      const changed = new Set<string>()
      for (const [key, its] of changes) {
        for (const link of chainOf(key)) if (!links.has(link)) { links.set(link, linkWith(link, {})); changed.add(link) }
        links.set(key, linkWith(key, its))
        changed.add(key)
      }
      const compiler = new SnapshotCompiler(LEVELS, links, new Map(), before)
      for (const key of byDepth(changed)) compiler.add(key)
      last = compiler.finish(header(2))
      return asText(last) === asText(whole(links)) && asText(before) === text
    })
  }), 500)
})

t.test('unchanged nodes are shared between snapshots', async (t) => {
  const links = new Map(['*', 'a=x', 'a=x,b=x', 'a=y', 'a=y,b=x'].map((key) => [key, linkWith(key, {})]))
  const before = whole(links)
  links.set('a=x,b=x', linkWith('a=x,b=x', { index: 3 }))
  const compiler = new SnapshotCompiler(LEVELS, links, new Map(), before)
  compiler.add('a=x,b=x')
  const after = compiler.finish(header(2))
  t.equal(after.root.children.get('y'), before.root.children.get('y'))
  t.not(after.root.children.get('x'), before.root.children.get('x'))
  t.equal(after.version, 2)
  t.equal(ruleFor(after, { a: 'y', b: 'x' }), ruleFor(before, { a: 'y', b: 'x' }), 'even its rule')
})

t.test('a threshold for the score of a predictor that is not there stops nothing', async (t) => {
  t.match(snapshotOf({ '*': { index: 3, scorer: 'unknown' } }, []).root.rule, { threshold: null, lottery: null, scorer: null })
})
