import { Writable } from 'node:stream'
import t from 'tap'
import { writeAll, alignColumns } from '../../../src/cli/command-line/command-io.js'
import { until } from '../../helper.js'

t.test('writeAll waits for a slow reader', async (t) => {
  const written: string[] = []
  const slow = new Writable({
    highWaterMark: 1,
    write (chunk, _encoding, done) { setImmediate(() => { written.push(String(chunk)); done() }) },
  })
  await writeAll(slow, 'first')
  t.strictSame(written, ['first'], 'written before it resolves')
})

t.test('writeAll resolves when the reader has gone', async (t) => {
  const errors: string[] = []
  const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) }).on('error', ({ message }) => { errors.push(message) })
  let ended = 0
  const write = () => writeAll(gone, 'text').then(() => { ended++ })
  write().then(write)
  await until('both writes have ended', () => ended === 2)
  t.same(errors, ['EPIPE'])
})

t.strictSame(alignColumns([['name', 'n'], ['a', '100'], ['longer', '7']], [true, false]), [
  'name      n',
  'a       100',
  'longer    7',
], 'words are aligned to the left, numbers to the right')
t.strictSame(alignColumns([['é', 'x'], ['ab', '']], [true, true]), ['é   x', 'ab'], 'width is counted in characters, and lines have no trailing spaces')
