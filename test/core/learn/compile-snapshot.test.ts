import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import type { ChainLink } from '../../../src/core/learn/chain-link.js'
import { compileSnapshot, SnapshotCompiler, type StatedPatterns } from '../../../src/core/learn/compile-snapshot.js'
import { ruleFor, type Snapshot } from '../../../src/core/decide/snapshot.js'
import { byDepth, chainOf, type Context, contextChain } from '../../../src/core/policy/context.js'
import { patternTree } from '../../../src/core/policy/pattern.js'
import type { Policy } from '../../../src/core/policy/policy.js'
import { holds, numRuns } from '../../property.js'
import { GUARANTEE, type LinkFields, linkWith, snapshotOf } from '../decide/snapshot-of.js'

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
const whole = (links: ReadonlyMap<string, ChainLink>, stated?: StatedPatterns) =>
  compileSnapshot({ ...header(1), levels: LEVELS }, links, new Map(), stated)
const inOrder = (children: Map<string | symbol, unknown>) =>
  [...children].map(([value, node]) => [String(value), node] as const).sort(([a], [b]) => a < b ? -1 : 1)
const asText = ({ root }: Snapshot) => JSON.stringify(root, (_name, inner) => inner instanceof Map ? inOrder(inner) : inner)
/** Values that no context has named yet belong to the pool above them, so that they change with it. */
const PATTERNS: StatedPatterns = {
  tree: patternTree(['a=*,b=new', 'a=*,b=*,c=new', 'a=x,b=*,c=x']),
  policyAt: () => linkWith('*', { policy: { certify_at: 'a' } }).policy,
}
const versionsOf = fc.array(fc.array(fc.tuple(key, stands), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })

t.test('compiling on top of a snapshot equals compiling from scratch, and leaves that snapshot unchanged', async (t) => {
  holds(t, fc.property(versionsOf, fc.constantFrom(undefined, PATTERNS), (versions, stated) => {
    const links = new Map<string, ChainLink>([['*', linkWith('*', {})]])
    let last = whole(links, stated)
    return versions.every((changes) => {
      const [before, text] = [last, asText(last)]
      const changed = new Set<string>()
      for (const [key, its] of changes) {
        for (const link of chainOf(key)) if (!links.has(link)) { links.set(link, linkWith(link, {})); changed.add(link) }
        links.set(key, linkWith(key, its))
        changed.add(key)
      }
      const compiler = new SnapshotCompiler(LEVELS, links, new Map(), before, stated)
      for (const key of byDepth(changed)) compiler.add(key)
      last = compiler.finish(header(2))
      return asText(last) === asText(whole(links, stated)) && asText(before) === text
    })
  }), numRuns(200, 500))
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
  t.match(snapshotOf({ '*': { index: 3, policy: { score: 'unknown' } } }, []).root.rule, { threshold: null, scorer: null })
})

const POOLED = { policy: { certify_at: 'model' } } as const

t.test('a leaf\'s rule comes from its own certificate', async (t) => {
  const snapshot = snapshotOf({ 'model=q,task=x': { index: 3, learnedControlShare: 0.4, epochName: '1-1', policy: { min_tokens: 64, check_every_tokens: 16, mode: 'shadow' } } })
  t.strictSame(ruleFor(snapshot, { model: 'q', task: 'x' }), {
    context: 'model=q,task=x',
    threshold: GRID[3],
    scorer: null,
    isSuspended: false,
    scope: 'own',
    guarantee: GUARANTEE,
    label: 'exact_match',
    mode: 'shadow',
    minTokens: 64,
    checkEveryTokens: 16,
    checkGrowth: 0,
    checkCounts: undefined,
    controlShare: 0.4,
    evidenceShare: 0.4,
    storePrompts: false,
    epoch: '1-1',
    enrolledShare: 1,
    probeForm: undefined,
    labelReach: 29,
    warnings: [],
  })
})

t.test('an unknown context has no threshold, its nearest ancestor\'s policy, and the control share of a first minute', async (t) => {
  const snapshot = snapshotOf({ '*': { index: 1, policy: { check_every_tokens: 8 } }, 'model=q': { index: 2, policy: { check_every_tokens: 16 } } })
  for (const [context, every] of [[{ model: 'q', task: 'new' }, 16], [{ model: 'new', task: 'x' }, 8], [{ model: 'q' }, 16], [{}, 8], [undefined, 8]] as const) {
    t.match(ruleFor(snapshot, context), { threshold: null, scope: 'none', context: null, guarantee: null, checkEveryTokens: every, controlShare: 0.25 }, JSON.stringify(context))
  }
})

t.test('a context that its pool knows has the threshold, guarantee, share and epoch of the pool; a new one runs in full, and has no more weight', async (t) => {
  const pool = { index: 2, learnedControlShare: 0.4, epochName: '1-1', ...POOLED }
  const snapshot = snapshotOf({ '*': POOLED, 'model=q': pool, 'model=q,task=x': { index: 5, learnedControlShare: 0.1, epochName: '2-2', knownEpoch: '1-1', ...POOLED }, 'model=q,task=few': POOLED, 'model=q,task=back': { knownEpoch: '0-1', ...POOLED }, 'model=r': POOLED })
  const member = { context: 'model=q', evidenceShare: 0.4, enrolledShare: 1, epoch: '1-1' }
  t.match(ruleFor(snapshot, { model: 'q', task: 'x' }), { ...member, threshold: GRID[2], scope: 'pool', guarantee: GUARANTEE, controlShare: 0.4 })
  for (const task of ['few', 'back', 'unseen']) {
    t.match(ruleFor(snapshot, { model: 'q', task }), { ...member, threshold: null, scope: 'none', guarantee: null, controlShare: 1 }, task)
  }
  t.match(ruleFor(snapshot, { model: 'r', task: 'new' }), { threshold: null, scope: 'none', context: 'model=r', guarantee: null, controlShare: 0.25 })
})

t.test('under "auto" a leaf has the distance that its pool has measured, even where the pool states a number', async (t) => {
  const checkDistance = { tokens: 128, generations: 4, checks: 40, probe_tokens: 640 }
  const every = (its: LinkFields['policy']) => {
    const contexts = { '*': POOLED, 'model=q': { checkDistance, policy: { ...POOLED.policy, check_every_tokens: 64 } }, 'model=q,task=x': { policy: { ...POOLED.policy, ...its } } }
    return ruleFor(snapshotOf(contexts), { model: 'q', task: 'x' }).checkEveryTokens
  }
  t.equal(every({ check_every_tokens: 'auto' }), 128)
  t.equal(every({ check_every_tokens: 48 }), 48)
})

t.test('label_rate is the share that is enrolled', async (t) => {
  const share = (policy: LinkFields['policy']) => ruleFor(snapshotOf({ 'model=q,task=x': { policy: policy! } }), { model: 'q', task: 'x' }).enrolledShare
  t.equal(share({}), 1)
  t.equal(share({ label_rate: 0.2 }), 0.2)
})

t.test('a missing level is a value of its own', async (t) => {
  const snapshot = snapshotOf({ 'model=q,task=-': { index: 3 }, 'model=-,task=x': { index: 4 }, 'model=q,task=x': { index: 5 }, 'model=-,task=-': { index: 6 } })
  const thresholdFor = (context?: Context) => GRID.indexOf(ruleFor(snapshot, context).threshold!)
  t.equal(thresholdFor({ model: 'q' }), 3)
  t.equal(thresholdFor({ task: 'x' }), 4)
  t.equal(thresholdFor({ model: 'q', task: 'x' }), 5)
  t.equal(thresholdFor({}), 6)
  t.equal(thresholdFor(undefined), 6)
  t.equal(thresholdFor({ model: '-', task: 'x' }), -1, 'a literal - is not the missing level')
})

t.test('a pin has no guarantee, even where the context is certified', async (t) => {
  const snapshot = snapshotOf({ 'model=q,task=x': { index: 3, pin: 0.9, learnedControlShare: 0.4 } })
  t.match(ruleFor(snapshot, { model: 'q', task: 'x' }), { threshold: 0.9, scope: 'own', guarantee: null })
})

t.test('the control share is the learner\'s under auto, and the policy\'s number at once where there is a threshold', async (t) => {
  const shareOf = (stands: LinkFields) => ruleFor(snapshotOf({ 'model=q,task=x': stands }), { model: 'q', task: 'x' }).controlShare
  t.equal(shareOf({ index: 3, learnedControlShare: 0.4 }), 0.4)
  t.equal(shareOf({ index: 3, learnedControlShare: 0.4, policy: { control_rate: 0.25 } }), 0.25)
  t.equal(shareOf({ learnedControlShare: 0.4, policy: { control_rate: 0.25 } }), 0.4, 'without a threshold the span limits it')
  t.equal(shareOf({ index: 3, learnedControlShare: 0.4, pin: null }), 0.4)
})

t.test('without levels every context is the root', async (t) => {
  t.match(ruleFor(snapshotOf({ '*': { index: 3, learnedControlShare: 0.1 } }, []), {}), { threshold: GRID[3], scope: 'own', context: '*', controlShare: 0.1 })
})

t.test('the tree finds the same rule as the chain of keys', async (t) => {
  const levels = ['a', 'b', 'c']
  const value = fc.constantFrom('x', 'y', '-', 'x,b=y', '%')
  const context: fc.Arbitrary<Context> = fc.record({ a: value, b: value, c: value }, { requiredKeys: [], noNullPrototype: true })
  holds(t, fc.property(fc.array(context, { maxLength: 8 }), context, (known, asked) => {
    const keys = [...new Set(known.flatMap((context) => contextChain(levels, context)))]
    const contexts = Object.fromEntries(keys.map((key, i) => [key, { policy: { check_every_tokens: i + 1 } }]))
    const nearest = contextChain(levels, asked).findLast((key) => keys.includes(key))
    return ruleFor(snapshotOf(contexts, levels), asked).checkEveryTokens === (nearest === undefined ? 32 : keys.indexOf(nearest) + 1)
  }), 500)
})
