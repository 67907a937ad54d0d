import t from 'tap'
import { findingsOf, parseContexts } from '../../../src/core/decide/known-contexts.js'
import type { Context } from '../../../src/core/policy/context.js'

t.test('the same text gives the same array, and another text another one', async (t) => {
  const text = '[{"model":"a"},{"model":"b"}]'
  const contexts = parseContexts(text)
  t.strictSame(contexts, JSON.parse(text))
  t.equal(parseContexts(`${text} `.trim()), contexts)
  t.not(parseContexts('[{"model": "a"},{"model":"b"}]'), contexts)
  t.strictSame(findingsOf(contexts as Context[]), { areValid: false, rules: null })
  t.equal(JSON.stringify(contexts), text, 'what was found out is not part of the contexts')
})

t.test('texts beyond a number or a length are not kept', async (t) => {
  const first = parseContexts('[{"model":"first"}]')
  for (let i = 0; i < 256; i++) parseContexts(`[{"model":"${i}"}]`)
  const again = parseContexts('[{"model":"first"}]')
  t.not(again, first)
  t.strictSame(again, first)
  const long = JSON.stringify([{ model: 'x'.repeat(4096) }])
  t.not(parseContexts(long), parseContexts(long))
  t.equal(findingsOf(parseContexts(long) as Context[]), undefined)
})

t.test('what is no JSON is an error each time', async (t) => {
  for (let i = 0; i < 2; i++) t.throws(() => parseContexts('[{"model":}]'), SyntaxError)
})
