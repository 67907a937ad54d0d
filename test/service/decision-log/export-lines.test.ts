import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import t from 'tap'
import { scopedId } from '../../../src/service/access/context-access.js'
import { exportedLine, exportLines } from '../../../src/service/decision-log/export-lines.js'
import { temporaryFolder, until } from '../../helper.js'

const log = pino({ level: 'silent' })
const linesOf = (name: string, count: number) => Array.from({ length: count }, (_, i) => `{"${name}":${i}}\n`)

t.test('a line has the id that the worker sent, in any scope', async (t) => {
  const tenant = { tokenName: 'tenant', tokenPrefix: 'model=q' }
  for (const stored of ['g"1', scopedId(tenant, 'g"1')]) t.strictSame(JSON.parse(exportedLine([stored, '{"event":"label"}'])), { generation_id: 'g"1', event: 'label' })
})

t.test('lines are appended in order, and a file that was moved away is made again', async (t) => {
  const file = join(await temporaryFolder(t), 'decisions.jsonl')
  const lost: number[] = []
  const lines = exportLines(file, log, (count) => { lost.push(count) })!
  lines.write(linesOf('a', 30_000))
  lines.write(linesOf('b', 1))
  await until('they are written', async () => (await readFile(file, 'utf8')).endsWith('{"b":0}\n'))
  t.equal(await readFile(file, 'utf8'), [...linesOf('a', 30_000), ...linesOf('b', 1)].join(''))
  await rename(file, `${file}.1`)
  lines.write(linesOf('c', 1))
  await lines.close()
  t.equal(await readFile(file, 'utf8'), '{"c":0}\n')
  t.strictSame(lost, [0])
})

t.test('lines that cannot be written are lost and counted', async (t) => {
  const folder = await temporaryFolder(t)
  let lost = 0
  const lines = exportLines(join(folder, 'decisions.jsonl'), log, (count) => { lost += count })!
  await rm(folder, { recursive: true })
  lines.write(linesOf('a', 3))
  await until('they are counted', () => lost === 3)
  lines.write(['x'.repeat(16 * 1024 * 1024 + 1), 'too many'])
  t.equal(lost, 4, 'more than may wait')
  await lines.close()
})

t.test('a file that cannot be written is refused at the start', async (t) => {
  t.equal(exportLines('', log, () => {}), null)
  t.throws(() => exportLines('/none/x', log, () => {}), { name: 'ConfigError', message: /^DECISION_LOG_FILE cannot be written \(ENOENT\)/ })
})

t.test('standard output gets whole lines, also through a pipe that is read slowly', async (t) => {
  const url = new URL('../../../src/service/decision-log/export-lines.js', import.meta.url).href
  const script = `import { exportLines } from '${url}'
    const lines = exportLines('-', null, () => { throw new Error('lost') })
    lines.write(Array.from({ length: 20_000 }, (_, i) => JSON.stringify({ i }) + '\\n'))
    process.stdout.on('error', () => {})`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const read = (await text(child.stdout)).trim().split('\n').map((line) => JSON.parse(line).i)
  t.strictSame(read, Array.from({ length: 20_000 }, (_, i) => i))
  t.strictSame(await ended, [0, null])
})
