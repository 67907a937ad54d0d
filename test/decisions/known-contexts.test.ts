import fc from 'fast-check'
import t from 'tap'
import { rulesFor } from '../../src/core/decide/decide-columns.js'
import type { Context } from '../../src/core/policy/context.js'
import { areKnownValid, knownRules, parseContexts, rememberValid } from '../../src/decisions/known-contexts.js'
import { contexts as anyContext, snapshots } from '../core/decide/random-columns.js'
import { holds } from '../property.js'

t.test('equal texts share one array of contexts, and different texts do not', async (t) => {
  const text = '[{"model":"a"},{"model":"b"}]'
  const contexts = parseContexts(text)
  t.strictSame(contexts, JSON.parse(text))
  t.equal(parseContexts(` ${text}`.slice(1)), contexts)
  t.not(parseContexts('[{"model": "a"},{"model":"b"}]'), contexts)
  t.equal(JSON.stringify(contexts), text, 'what is known about contexts is not part of them')
})

t.test('the cache holds at most 256 texts, and none of more than 4,096 characters', async (t) => {
  const first = parseContexts('[{"model":"first"}]')
  for (let i = 0; i < 256; i++) parseContexts(`[{"model":"${i}"}]`)
  const again = parseContexts('[{"model":"first"}]')
  t.not(again, first)
  t.strictSame(again, first)
  const long = JSON.stringify([{ model: 'x'.repeat(4096) }])
  t.not(parseContexts(long), parseContexts(long))
})

t.test('invalid JSON throws every time', async (t) => {
  for (let i = 0; i < 2; i++) t.throws(() => parseContexts('[{"model":}]'), SyntaxError)
})

t.test('contexts are known to be valid only if they are cached and have met the schema', async (t) => {
  const contexts = parseContexts('[{"model":"valid"}]')
  t.notOk(areKnownValid(contexts))
  rememberValid(contexts)
  t.ok(areKnownValid(contexts))
  const own = [{ model: 'valid' }]
  rememberValid(own)
  for (const other of [own, undefined, null, 7, parseContexts('{}')]) t.notOk(areKnownValid(other))
})

t.test('known contexts get the rules of the snapshot at hand', async (t) => holds(t, fc.property(
  fc.array(snapshots, { minLength: 2, maxLength: 3 }), fc.array(anyContext, { maxLength: 3 }), (some, own) => {
    const contexts = parseContexts(JSON.stringify(own)) as Context[]
    return [...some, ...some].every((snapshot) => {
      const expected = rulesFor(snapshot, own)
      const [first, second] = [knownRules(snapshot, contexts), knownRules(snapshot, contexts)]
      return first === second && [first, knownRules(snapshot, own)].every((rules) => rules.every((rule, i) => rule === expected[i]))
    })
  }), 300))
