import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { chainOf, type Context, contextChain, contextKey, isPattern, isWithin } from '../../../src/core/policy/context.js'
import {
  haveCommonContexts, patternProblem, patternsIn, policyKeys, withPatterns,
} from '../../../src/core/policy/pattern.js'
import { DEFAULT_POLICY, effectivePolicy, type PolicyPatch, policySources } from '../../../src/core/policy/policy.js'
import { holds } from '../../property.js'

const LEVELS = ['a', 'b', 'c']
const DEFAULTS: PolicyPatch = {} // one object, so that equal policies are the same
const value = fc.constantFrom('x', 'y', '*', '-')
const context: fc.Arbitrary<Context> = fc.record({ a: value, b: value, c: value }, { requiredKeys: [], noNullPrototype: true })
const leaf = context.map((its) => contextKey(LEVELS, its))
const part = fc.constantFrom('x', 'y', '-', '%2A', '*')

/** Keys that may have policies: the root, contexts of any depth, and patterns. */
const stating = fc.array(part, { maxLength: 3 })
  .map((parts) => parts.map((its, depth) => `${LEVELS[depth]}=${its}`).join(',') || '*')
  .filter((key) => !key.endsWith('=*'))
const patch: fc.Arbitrary<PolicyPatch> = fc.record({
  max_em_drop: fc.constantFrom(0.01, 0.03), min_tokens: fc.constantFrom(8, 16), mode: fc.constantFrom('off', 'shadow'), certify_at: fc.constantFrom(null, 'a'),
}, { requiredKeys: [], noNullPrototype: true })
const policies = fc.uniqueArray(fc.tuple(stating, patch), { maxLength: 12, selector: ([key]) => key }).map((rows) => new Map(rows))

/** Whether the policy of a key applies to a context, part by part. */
function applies (key: string, to: string): boolean {
  if (key === '*') return true
  const parts = to.split(',')
  return key.split(',').every((its, depth) => its === parts[depth] || its === `${LEVELS[depth]}=*`)
}

/** The rule in words: in the first level in which keys differ, one that ends above comes first, then one that leaves it open. */
function bySpecificity (a: string, b: string): number {
  if (a === '*' || b === '*') return a === b ? 0 : a === '*' ? -1 : 1
  const [left, right] = [a.split(','), b.split(',')]
  const first = left.findIndex((its, depth) => its !== right[depth])
  if (first === -1) return left.length - right.length
  return right[first] === undefined || right[first].endsWith('=*') ? 1 : -1
}

function naive (table: ReadonlyMap<string, PolicyPatch>, key: string): object {
  const keys = [...table.keys()].filter((its) => applies(its, key)).sort(bySpecificity)
  const merged = Object.assign({}, DEFAULT_POLICY, ...keys.map((its) => table.get(its)))
  return table.get('*')?.mode === 'off' ? { ...merged, mode: 'off' } : merged
}

t.test('policies apply from the least to the most specific: in the first level that differs a named value beats *, and * a key that ends', async (t) => {
  t.strictSame(policyKeys('model=a,task=x'), ['*', 'model=*,task=x', 'model=a', 'model=a,task=x'])
  t.strictSame(policyKeys('a=x,b=y,c=z'), ['*', 'a=*,b=*,c=z', 'a=*,b=y', 'a=*,b=y,c=z', 'a=x', 'a=x,b=*,c=z', 'a=x,b=y', 'a=x,b=y,c=z'])
  t.strictSame(policyKeys('*'), ['*'])
  t.strictSame(policyKeys('model=*,task=x'), ['*', 'model=*,task=x'], 'a pattern has no value that other keys name')
})

t.test('a policy with patterns equals the merge of all matching keys in the order of the rule', async (t) => {
  let different = 0
  holds(t, fc.property(policies, leaf, (table, key) => {
    assert.deepEqual({ ...effectivePolicy(DEFAULTS, table, key) }, naive(table, key))
    const plain = new Map([...table].filter(([its]) => !isPattern(its)))
    if (effectivePolicy(DEFAULTS, plain, key) !== effectivePolicy(DEFAULTS, table, key)) different++
  }), 2000)
  t.ok(different > 100, `patterns changed ${different} policies`)
})

t.test('the source of each field is the key that states it', async (t) => {
  holds(t, fc.property(policies, leaf, (table, key) => {
    const effective = effectivePolicy(DEFAULTS, table, key)
    for (const [field, source] of Object.entries(policySources(table, key))) {
      const stated = source === null ? DEFAULT_POLICY : table.get(source)!
      assert.equal(stated[field as keyof PolicyPatch], effective[field as keyof PolicyPatch])
      assert.ok(source === null || applies(source, key))
    }
  }), 1000)
})

t.test('a pattern changes the policy of no context that it does not match, and its removal restores all', async (t) => {
  holds(t, fc.property(policies, stating, patch, leaf, (table, pattern, its, key) => {
    const before = effectivePolicy(DEFAULTS, table, key)
    const old = table.get(pattern)
    const changed = new Map(table).set(pattern, its)
    if (!isWithin(key, pattern)) assert.equal(effectivePolicy(DEFAULTS, changed, key), before)
    if (old === undefined) changed.delete(pattern); else changed.set(pattern, old)
    assert.equal(effectivePolicy(DEFAULTS, changed, key), before, 'the very same policy')
  }), 2000)
})

t.test('a key lies within those that match it, also within patterns', async (t) => {
  holds(t, fc.property(leaf, stating, (key, above) => {
    for (const link of chainOf(key)) assert.equal(isWithin(link, above), applies(above, link))
  }), 1000)
  t.ok(isWithin('model=a,task=x', 'model=*,task=x'))
  t.ok(isWithin('model=*,task=x', 'model=*,task=x'))
  t.notOk(isWithin('model=*,task=x', 'model=a'), 'a pattern is wider than a context that it matches')
  t.notOk(isWithin('model=a', 'model=*,task=x'))
  t.notOk(isWithin('*', 'model=*'))
  t.notOk(isWithin('model=a,task=x', 'team=*,task=x'), 'another level')
})

t.test('every context has the policy of a key that patterns make below the keys that state policies', async (t) => {
  holds(t, fc.property(policies, context, (table, its) => {
    const all = withPatterns(['*', ...table.keys()], patternsIn(LEVELS, table.keys()))
    const generalised = contextChain(LEVELS, its).at(-1)!.split(',').reduce<string[]>((keys, part) => {
      const open = `${part.slice(0, part.indexOf('='))}=*`
      return [...keys.flatMap((key) => [key, `${key},${part}`, `${key},${open}`])]
    }, ['']).map((key) => key.slice(1) || '*')
    const inForce = effectivePolicy(DEFAULTS, table, contextKey(LEVELS, its))
    assert.ok(generalised.some((key) => all.has(key) && effectivePolicy(DEFAULTS, table, key) === inForce))
  }), 500)
})

t.test('patterns that multiply are counted only up to a limit', async (t) => {
  const eight = 'abcdefgh'
  const patterns = [...eight].slice(1).flatMap((level, depth) => Array.from({ length: 9 }, (_, i) =>
    [...[...eight].slice(0, depth + 1).map((above) => `${above}=*`), `${level}=${i}`].join(',')))
  t.equal(withPatterns(['*'], patterns, 100).size, 101)
})

t.test('two keys have common contexts unless they name different values of a level', async (t) => {
  t.ok(haveCommonContexts('model=a', 'model=*,task=x'))
  t.ok(haveCommonContexts('model=*,task=x', 'model=a'))
  t.ok(haveCommonContexts('*', 'model=a'))
  t.notOk(haveCommonContexts('model=a,task=y', 'model=*,task=x'))
})

t.test('a mistyped pattern gets an error that says what to change', async (t) => {
  const levels = ['model', 'task']
  t.equal(patternProblem(levels, 'model=*,task=x'), null)
  t.equal(patternProblem(levels, 'model=*,task=-'), null)
  t.match(patternProblem(levels, 'model=a,task=*'), /use model=a, which covers the same contexts/)
  t.match(patternProblem(levels, 'model=*'), /use \*, which covers the same contexts/)
  t.match(patternProblem(levels, 'model=*,task=*'), /use \*, which/)
  for (const key of ['task=*,model=a', 'model=q*,task=x', 'model=*b,task=x', 'model=*,task=x,size=8b', 'model=*,task=', 'model=*;task=x', 'model=**,task=x']) {
    t.match(patternProblem(levels, key), /is no pattern/, key)
  }
  t.match(patternProblem(levels, 'model=q*,task=x'), /%2A/)
})
