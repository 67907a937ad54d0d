import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { temporaryFolder } from '../../test/helper.js'
import { withoutRedis } from '../../test/redis-server.js'

const bench = fileURLToPath(new URL('./run-bench.js', import.meta.url))

/** The figures that the benchmark must yield, by the start of their names. A shared machine cannot test how good they are. */
const FIGURES = [
  'single, 1 connection', 'single, 32 connections', 'single, 100 connections', 'single, 1,000 connections', 'single, 5,000 connections', 'batch of 16', 'batch of 256', 'batch of 4096', 'peer that reads Redis',
  'arm echoed', 'arm drawn', 'learner, embedded', 'learner, Redis', 'another replica: p50', 'another replica: p99',
  'resident, 10 contexts', 'resident, 20 contexts', 'resident, 40 contexts', 'resident there, after 20,000 decisions',
  'the learner is busy: p99', '/metrics is scraped: p99', 'Redis is paused: p99', 'Redis is killed: p99', '2 processes behind one port', 'size, gzip',
  'first event, 20 streams', 'token, 20 streams', 'token, 10 streams', 'tokens a second', 'processor of the proxy', 'resident, proxy',
]

t.test('the benchmark yields every figure', { skip: withoutRedis, timeout: 110_000 }, async (t) => {
  const out = join(await temporaryFolder(t), 'bench.json')
  const child = spawn(process.execPath, [bench, '--tiny', '--out', out], { stdio: ['ignore', 'pipe', 'inherit'] })
  let table = ''
  child.stdout.on('data', (chunk) => { table += chunk })
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
  const { figures } = JSON.parse(await readFile(out, 'utf8'))
  for (const word of FIGURES) {
    const figure = figures.find(({ name }: { name: string }) => name.includes(word))
    t.ok(figure?.value.median > 0 && figure.value.min <= figure.value.median && figure.value.median <= figure.value.max, word)
    t.match(table, figure?.name)
  }
  for (const word of FIGURES.slice(0, 10)) t.ok(figures.find(({ name }: { name: string }) => name.startsWith(word)).ratio.median > 0, `${word}: to the echo`)
})

t.test('the memory of a store is measured', { skip: withoutRedis, timeout: 110_000 }, async (t) => {
  const program = fileURLToPath(new URL('./print-store-memory.js', import.meta.url))
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, CONTEXTS: '30', GENERATIONS: '5000' } })
  let table = ''
  child.stdout.on('data', (chunk) => { table += chunk })
  t.same(await once(child, 'exit'), [0, null])
  const rows = table.trim().split('\n').slice(2)
  t.equal(rows.length, 7)
  for (const row of rows) t.match(row, /^\| .* \| [1-9][\d,]* B \| ([1-9][\d,]* B)? ?\|$/)
})
