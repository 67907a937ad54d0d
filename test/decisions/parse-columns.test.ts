import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { parseColumns } from '../../src/decisions/parse-columns.js'
import { columnsOf } from '../bench/steps.js'
import { holds } from '../property.js'

/** Whether the text is parsed as `JSON.parse` does it, or left to it. */
function isParsedRight (text: string): boolean {
  const parsed = parseColumns(text)
  if (parsed === undefined) return true
  try { return isDeepStrictEqual(parsed, JSON.parse(text)) } catch { return false }
}

t.test('numbers and arms are read without JSON.parse', async (t) => {
  const { args } = t.capture(JSON, 'parse')
  t.strictSame(parseColumns('{"context":[0, 0],"tokens":[7,32],"confidence":[0.5,1],"arms":["control",null]}'), {
    context: [0, 0], tokens: [7, 32], confidence: [0.5, 1], arms: ['control', null],
  })
  t.strictSame(args(), [])
})

t.test('the columns of clients are read, as JavaScript and Python write them', async (t) => {
  for (const rows of [1, 16, 256, 4096]) {
    const columns = columnsOf(rows)
    t.strictSame(parseColumns(JSON.stringify(columns)), columns, `${rows} rows`)
  }
  const python = '{"contexts": [{"model": "m"}], "context": [0, 0], "tokens": [96, 512], "confidence": [0.25, 1], "arms": ["control", null], "signals": {"entropy": [1e-3, null]}}'
  t.strictSame(parseColumns(python), JSON.parse(python))
  t.strictSame(parseColumns(' { "tokens" : [7] } '), { tokens: [7] })
  t.strictSame(parseColumns('{"confidence":[0.1234567890123456789,1e-7,-0,null],"arms":["other"],"tokens":[]}'), { confidence: [0.12345678901234568, 1e-7, -0, null], arms: ['other'], tokens: [] }, 'cells of another form are left to JSON.parse')
})

t.test('a text of another form is left to JSON.parse as a whole', async (t) => {
  const texts = [
    '', '[]', '{}', 'null', '{"tokens":7}', '{"tokens":[1]', '{"tokens":[1]}x', '{"tokens":[1],}', '{"other":[1]}', '{"__proto__":{}}', '{"generation_ids":["a]"]}',
    '{"generation_ids":["é"]}', '{"generation_ids":["\\u0061"]}', '{"tokens":[01]}', '{"tokens":[1.]}', '{"tokens":[.5]}', '{"tokens":[1,]}', '{"tokens":[1 2]}', '{tokens:[1]}',
    `{"answer":["${'x'.repeat(600_000)}"]}`,
    // Each array is made before its column is read: these took seconds.
    '{"arms":[],"arms":[]}', `{"tokens":[${Array(4097).fill(1).join()}]}`,
  ]
  for (const text of texts) t.equal(parseColumns(text), undefined, text.slice(0, 40))
})

const column = fc.oneof(
  fc.array(fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null), fc.constant(-0))),
  fc.array(fc.constantFrom('treated', 'control', null, 'trial')),
  fc.array(fc.string({ unit: fc.constantFrom('a', ']', '"', '}', '\\', 'é') })),
  fc.record({ a: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })) })
)
const names = ['contexts', 'context', 'tokens', 'confidence', 'generation_ids', 'arms', 'signals', 'other', '__proto__', 'tok"ens']
const columns = fc.array(fc.tuple(fc.constantFrom(...names), column))
  .map((columns) => `{${columns.map(([name, values]) => `${JSON.stringify(name)}:${JSON.stringify(values)}`).join()}}`)

t.test('any columns are parsed as JSON.parse does it', async (t) => holds(t, fc.property(columns, isParsedRight), 2000))

t.test('numbers of any length are read as the nearest double', async (t) => holds(t, fc.property(
  fc.array(fc.tuple(fc.bigInt(0n, 10n ** 19n), fc.nat(26)), { minLength: 1 }), (numbers) => {
    const texts = numbers.map(([digits, places]) => places === 0 ? `${digits}` : `${digits % 7n}.${String(digits).padStart(places, '0')}`)
    return isParsedRight(`{"confidence":[${texts.join()}],"tokens":[${texts.join()}]}`)
  }), 2000))

t.test('integers near the greatest exact one are not rounded', async (t) => {
  const greatest = BigInt(Number.MAX_SAFE_INTEGER)
  const near = Array.from({ length: 128 }, (_, i) => greatest - 64n + BigInt(i))
  const texts = near.flatMap((n) => [`{"tokens":[${n}]}`, `{"confidence":[0.${n}]}`, `{"confidence":[9.${String(n).slice(1)}]}`])
  t.strictSame(texts.filter((text) => !isParsedRight(text)), [])
})

const usual = JSON.stringify(columnsOf(8))
t.test('a text that is damaged at any place is not read as something else', async (t) => holds(t, fc.property(
  fc.nat(usual.length), fc.nat(3), fc.string({ unit: fc.constantFrom(...'0.19,:[]{}"\\ -enultrad'), maxLength: 3 }),
  (at, removed, added) => isParsedRight(usual.slice(0, at) + added + usual.slice(at + removed))), 5000))
