import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  byDepth, certifyingDepth, certifyingKey, chainOf, type Context, contextChain, contextKey, isCertifying, isWithin, parentKey,
  parseContextKey, unknownLevel,
} from '../../../src/core/policy/context.js'
import { holds } from '../../property.js'

const THREE_LEVELS = ['model', 'task']
const LEAF = 'model=q,task=x'

t.test('the leaf certifies for itself, or the level that certify_at names for everything below it', async (t) => {
  for (const [certifyAt, depth, key] of [[null, 2, LEAF], ['task', 2, LEAF], ['model', 1, 'model=q'], ['*', 0, '*']] as const) {
    t.equal(certifyingDepth(THREE_LEVELS, certifyAt), depth, String(certifyAt))
    t.equal(certifyingKey(THREE_LEVELS, certifyAt, LEAF), key, String(certifyAt))
  }
})

t.test('a level that is not configured names the leaf', async (t) => {
  t.equal(certifyingKey(THREE_LEVELS, 'cluster', LEAF), LEAF)
})

t.test('a chain has exactly one certifying link', async (t) => {
  for (const certifyAt of [null, 'task', 'model', '*', 'cluster']) {
    t.equal(['*', 'model=q', LEAF].filter((key) => isCertifying(THREE_LEVELS, certifyAt, key)).length, 1, String(certifyAt))
  }
})

const LEVELS = ['model', 'task', 'tenant']

const PIECES = ['%', ',', '=', '*', '-', '%2C', '%2c', 'a', '2', 'D', '\u0000', '\n', '\u007f', '\u0085', '\u2028', 'é', '😀', '+', ' ', 'task=']

/** Any text that a context may have, and text made of what keys are made of. */
const value = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...PIECES), minLength: 1, maxLength: 4 })
).filter((text) => !text.includes('\uFFFD'))
const context: fc.Arbitrary<Context> = fc.record({ model: value, task: value, tenant: value }, { requiredKeys: [], noNullPrototype: true })

t.test('the chain of a context is full, root first, its last link the leaf', async (t) => {
  t.strictSame(contextChain(['model', 'task'], { model: 'q', task: 'gsm8k' }), ['*', 'model=q', 'model=q,task=gsm8k'])
  t.strictSame(contextChain(['model', 'task'], { task: 'gsm8k' }), ['*', 'model=-', 'model=-,task=gsm8k'], 'a missing level is -')
  t.strictSame(contextChain(['model', 'task'], {}), ['*', 'model=-', 'model=-,task=-'])
  t.strictSame(contextChain([], {}), ['*'])
  t.equal(contextKey(['task', 'model'], { model: 'q', task: 'gsm8k' }), 'task=gsm8k,model=q', 'levels are ordered by configuration')
})

t.test('byDepth puts ancestors first', async (t) => {
  t.same(byDepth(['a=x,b=y', '*', 'a=x', 'a=x,b=y,c=z']), ['*', 'a=x', 'a=x,b=y', 'a=x,b=y,c=z'])
})

t.test('values are percent-encoded where they hold % , = * or controls, and a literal - is not the missing level', async (t) => {
  const keyOf = (model: string) => contextKey(['model'], { model })
  t.equal(keyOf('a%b,c=d*'), 'model=a%25b%2Cc%3Dd%2A')
  t.equal(keyOf('a\nb\u007f'), 'model=a%0Ab%7F')
  t.equal(keyOf('\u0085\u2028'), 'model=%C2%85%E2%80%A8')
  t.equal(keyOf('Qwen/Qwen3-8B é 😀'), 'model=Qwen/Qwen3-8B é 😀', 'the rest stays readable')
  t.equal(keyOf('-'), 'model=%2D')
  t.equal(keyOf('--'), 'model=--')
})

t.test('a key round-trips to its context, whatever the values', async (t) => {
  holds(t, fc.property(context, (context) => {
    assert.deepEqual(parseContextKey(LEVELS, contextKey(LEVELS, context)), context)
  }), 1000)
})

t.test('a key whose value was not UTF-8 is refused, encoded or not', async (t) => {
  for (const text of ['%EF%BF%BD', '\uFFFD', '%FF']) t.equal(parseContextKey(LEVELS, `model=${text}`), null)
})

t.test('every link of a chain is a key of the levels above', async (t) => {
  holds(t, fc.property(context, (context) => {
    const chain = contextChain(LEVELS, context)
    assert.deepEqual(chainOf(chain.at(-1)!), chain)
    for (const [depth, key] of chain.entries()) {
      const expected = Object.fromEntries(Object.entries(context).filter(([level]) => LEVELS.indexOf(level) < depth))
      assert.deepEqual(parseContextKey(LEVELS, key), expected)
      assert.equal(parentKey(key), depth === 0 ? null : chain[depth - 1])
    }
  }))
})

t.test('no two contexts share a key', async (t) => {
  const seen = new Map<string, string>()
  holds(t, fc.property(context, (context) => {
    const key = contextKey(LEVELS, context)
    const text = JSON.stringify(LEVELS.map((level) => context[level] ?? null))
    const other = seen.get(key)
    seen.set(key, text)
    return other === undefined || other === text
  }), 5000)
})

t.test('a key that is not canonical or does not fit the levels is rejected', async (t) => {
  const levels = ['model', 'task']
  for (const key of [
    '', 'model', 'model=', 'task=gsm8k', 'model=q,', 'model=q,model=q', 'model=q,task=a,x=b', 'model=%61', 'model=a%2cb', 'model=%', 'model=%FF',
    'model=a=b', 'model=a*', '*,model=q', ' model=q', 'Model=q', 'modelq=q', 'model=\n',
  ]) t.equal(parseContextKey(levels, key), null, JSON.stringify(key))
  t.strictSame(parseContextKey(levels, '*'), {})
  t.strictSame(parseContextKey(levels, 'model=q'), { model: 'q' }, 'a key may end above the leaf')
  t.strictSame(parseContextKey(levels, 'model=-,task=x'), { task: 'x' })
})

t.test('a prefix matches whole links', async (t) => {
  t.ok(isWithin('model=q,task=gsm8k', 'model=q'))
  t.ok(isWithin('model=q', 'model=q'))
  t.ok(isWithin('model=q', '*'))
  t.notOk(isWithin('model=qwen', 'model=q'))
  t.notOk(isWithin('model=qwen,task=gsm8k', 'model=q'))
  t.notOk(isWithin('model=q', 'model=q,task=gsm8k'))
  t.notOk(isWithin('*', 'model=q'))
  holds(t, fc.property(context, context, fc.nat({ max: 3 }), fc.nat({ max: 3 }), (a, b, x, y) => {
    const [key, prefix] = [contextChain(LEVELS, a)[x]!, contextChain(LEVELS, b)[y]!]
    const own = contextChain(LEVELS, a)[y]!
    return isWithin(key, prefix) === chainOf(key).includes(prefix) && isWithin(key, own) === (y <= x)
  }), 1000)
})

t.test('unknownLevel names a level that is not configured', async (t) => {
  t.equal(unknownLevel(['model', 'task'], { model: 'q', tsk: 'x' }), 'tsk')
  t.equal(unknownLevel(['model', 'task'], { task: 'x' }), null)
  t.equal(unknownLevel([], { model: 'q' }), 'model')
})
