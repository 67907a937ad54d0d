import t from 'tap'
import { isTooCostly, JsonShape } from '../../src/http/json-shape.js'

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

t.test('a text that arrives in parts is judged as the whole text, as soon as it can be', (t) => {
  const texts: ReadonlyArray<readonly [text: string, expected: boolean]> = [
    ['['.repeat(2000), true],
    ['['.repeat(1024), false],
    [`[${'[],'.repeat(140_000)}1]`, true],
    [`["\\"${'['.repeat(2000)}"]`, false],
    [`"${'['.repeat(2000)}`, false],
    [`["\\\\",${'[],'.repeat(1100)}${'['.repeat(33)}`, true],
    [`${'[],'.repeat(2000)}"${'\\"'.repeat(50)}${'['.repeat(40)}`, false],
  ]
  for (const [text, expected] of texts) {
    for (const length of [1, 7, 1000]) {
      const shape = new JsonShape()
      let isCostly = false
      for (let i = 0; i < text.length && !isCostly; i += length) isCostly = shape.add(Buffer.from(text.slice(i, i + length)))
      t.equal(isCostly, expected, `${text.slice(0, 20)} in parts of ${length}`)
    }
  }
  t.ok(new JsonShape().add(Buffer.from('['.repeat(1025))), 'its end need not arrive')
  t.end()
})
