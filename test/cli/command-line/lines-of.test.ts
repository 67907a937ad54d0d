import { Readable } from 'node:stream'
import t from 'tap'
import { linesOf } from '../../../src/cli/command-line/lines-of.js'

async function read (chunks: ReadonlyArray<string | Buffer>, maxLine?: number): Promise<string[]> {
  const lines: string[] = []
  for await (const line of linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), maxLine)) lines.push(line)
  return lines
}

t.test('only a line feed ends a line', async (t) => {
  t.same(await read([]), [])
  t.same(await read(['a\nb']), ['a', 'b'])
  t.same(await read(['a', 'b\r\n', '\n', 'c\n']), ['ab', '', 'c'])
  t.same(await read(['{"id":"a\u2028b\rc"}\r\n']), ['{"id":"a\u2028b\rc"}'], 'JSON contains other separators')
  const bytes = Buffer.from('ä€😀\n')
  t.same(await read(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))), ['ä€😀'], 'characters may be split')
})

t.test('a line without an end is refused before it fills the memory', async (t) => {
  async function * endless (): AsyncGenerator<Buffer> { for (;;) yield Buffer.alloc(10) }
  await t.rejects(async () => { for await (const _ of linesOf(Readable.from(endless()), 1000)); }, { message: 'line 1 is longer than 1000 characters' })
  await t.rejects(read(['a\n', 'b'.repeat(11)], 10), { message: 'line 2 is longer than 10 characters' })
  t.same(await read(['a'.repeat(10), '\n'], 10), ['a'.repeat(10)])
})
