import t from 'tap'
import { isTooCostly } from '../../src/http/json-shape.js'

const pad = ' '.repeat(70_000)
const isCostly = (text: string) => isTooCostly(Buffer.from(text))

t.test('a long text that is nested deeply, or has very many arrays and objects, is too costly', async (t) => {
  t.ok(isCostly('['.repeat(40_000) + ']'.repeat(40_000)))
  t.ok(isCostly(pad + '[],'.repeat(1000) + '{"a":'.repeat(33)))
  t.ok(isCostly(`[${'[],'.repeat(140_000)}1]`))
  t.ok(isCostly(pad + '["\\\\",' + '[],'.repeat(1100) + '['.repeat(33)), 'a quote after an escaped backslash ends a string')
})

t.test('texts that are short, flat, or have brackets in strings only are not', async (t) => {
  t.notOk(isCostly('['.repeat(60_000)))
  t.notOk(isCostly(pad + '[],'.repeat(1000) + '['.repeat(32) + ']'.repeat(32)))
  t.notOk(isCostly(pad + '['.repeat(1000) + ']'.repeat(1000)), 'so few cost little')
  t.notOk(isCostly(`["${'['.repeat(70_000)}"]`))
  t.notOk(isCostly(`["\\"${'['.repeat(70_000)}"]`), 'an escaped quote does not end a string')
  t.notOk(isCostly(`[${'{"tokens":32,"em":1},'.repeat(100_000)}1]`))
  t.notOk(isCostly(`"${'['.repeat(70_000)}`), 'a string that does not end')
})
