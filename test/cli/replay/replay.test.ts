import { readFile, writeFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import t from 'tap'
import { run, startOwnService, startProgress } from '../../../src/cli/replay/replay.js'
import { simulateOutcomes } from '../../../src/cli/simulate/simulate.js'
import { PROFILES } from '../../../src/cli/simulate/simulated-generation.js'
import { temporaryFolder } from '../../helper.js'
import { tokenList, tokenOf } from '../../token-fixtures.js'
import { captureIo } from '../command-line/captured-io.js'
import { recorded } from '../traces/recorded.js'
import { atTestCadence } from '../../test-cadence.js'

/** 300 generations in each simulated context; at 5 points the first certificate takes 73. */
async function traces (folder: string): Promise<string> {
  const path = join(folder, 'traces.jsonl')
  await writeFile(path, [...simulateOutcomes(PROFILES, 900, 3)].map((outcome) => JSON.stringify(outcome) + '\n').join(''))
  return path
}

const env = { DEFAULT_POLICY: atTestCadence('{"max_em_drop":0.05}') }

t.test('a replay runs end to end with its own service', async (t) => {
  const folder = await temporaryFolder(t)
  const file = await traces(folder)
  const json = join(folder, 'figures.json')
  const io = captureIo(env)
  await run([file, '--json', json, '--seed', '2'], io)

  const figures = JSON.parse(await readFile(json, 'utf8'))
  t.match(figures, { files: [file], url: null, seed: 2, concurrency: 32, levels: ['model', 'task'], total: { generations: 900 } })
  t.strictSame(figures.contexts.map(({ key }: { key: string }) => key), ['model=bold-8b,task=math', 'model=steady-8b,task=choices', 'model=steady-8b,task=math'])
  let inside = 0
  for (const { key, threshold, scope, generations, is_inside_bound: isInside, served, control_generations: control } of figures.contexts) {
    t.equal(generations, 300)
    t.ok(threshold !== null && scope === 'own', `${key} was certified`)
    t.ok(served.stopped > 0 && served.tokens_saved_ratio > 0, `${key} stopped some`)
    t.ok(control >= 73 && control < 300, `${key} learned from control generations, then served`)
    if (isInside) inside++
  }
  t.ok(inside >= 2, 'of so few generations chance may take one context beyond its bound')
  t.match(io.out(), /^ +stopgate .*\ncontext .*\n-+\nmodel=bold-8b,task=math +300 .*\n(.*\n){2}-+\nall +900 /)
  t.match(io.err(), /starts an empty service with follow_up_seconds 0/)
  t.match(io.err(), /100 %, 900 of 900 generations/)
})

t.test('a replay against a running service leaves its policy as it is', async (t) => {
  const { startService } = await import('../../../src/app/server.js')
  const folder = await temporaryFolder(t)
  const service = await startService({ env: { DATA_DIR: join(folder, 'data'), PORT: '0', LEARNER_THREAD: 'false', LOG_LEVEL: 'silent', CONTEXT_LEVELS: 'task' } })
  t.teardown(() => service.close())
  const file = join(folder, 'few.jsonl')
  await writeFile(file, [...simulateOutcomes(PROFILES, 6, 3)].map((outcome) => JSON.stringify(outcome) + '\n').join(''))

  const io = captureIo()
  await run([file, '--url', service.url, '--json', '-'], io)
  t.match(JSON.parse(io.out()), { url: service.url, levels: ['task'], contexts: [{ key: 'task=choices' }, { key: 'task=math' }] }, 'standard output holds only JSON')
  t.match(io.err(), /follow_up_seconds is up to 1800 in 2 of 2 contexts/)
  t.match(io.err(), /^all +6 /m, 'the table goes to standard error')

  const again = captureIo()
  await run([file, '--url', service.url], again)
  t.match(again.err(), /6 of the outcomes were already known to this service/)
})

t.test('the token comes from the flag or the environment', async (t) => {
  const { startService } = await import('../../../src/app/server.js')
  const folder = await temporaryFolder(t)
  const ACCESS_TOKENS = tokenList({ o: 'operator', w: 'worker' })
  const service = await startService({ env: { DATA_DIR: join(folder, 'data'), PORT: '0', LEARNER_THREAD: 'false', LOG_LEVEL: 'silent', ACCESS_TOKENS } })
  t.teardown(() => service.close())
  const file = join(folder, 'few.jsonl')
  await writeFile(file, [...simulateOutcomes(PROFILES, 3, 3)].map((outcome) => JSON.stringify(outcome) + '\n').join(''))

  const named = captureIo()
  await run([file, '--url', service.url, '--token', tokenOf('o')], named)
  const byEnvironment = captureIo({ STOPGATE_TOKEN: tokenOf('o') })
  await run([file, '--url', service.url], byEnvironment)
  for (const io of [named, byEnvironment]) t.match(io.out(), /^all +3 /m)

  await t.rejects(run([file, '--url', service.url], captureIo()), { name: 'ServiceError', message: /401 UNAUTHENTICATED/ })
  await t.rejects(run([file, '--url', service.url], captureIo({ STOPGATE_TOKEN: tokenOf('w') })), { name: 'ServiceError', message: /403 FORBIDDEN: This route requires the role operator/ })
  await t.rejects(run([file, '--url', service.url, '--token', 'two words'], captureIo()), { name: 'UsageError', message: /^(?!.*two words).*without spaces/ })
  await t.rejects(run([file, '--token', tokenOf('o')], captureIo()), { name: 'UsageError', message: '--token needs --url' })
})

t.test('an invalid line is reported before anything is sent', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'bad.jsonl')
  await writeFile(file, '{"generation_id":"a","tokens":1,"em":1,"steps":[]}\n{"generation_id":"b"}\n')
  await t.rejects(run([file, '--url', 'http://127.0.0.1:1'], captureIo()), { name: 'FileError', message: `${file}:2: /tokens is required` })
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (args: string[], message: RegExp) => t.rejects(run(args, captureIo()), { name: 'UsageError', message })
  await rejects([], /at least one FILE/)
  await rejects(['a', '--url', 'localhost:8080'], /--url must be an http or https URL, not "localhost:8080"/)
  await rejects(['a', '--url', 'http://'], /--url must be/)
  await rejects(['a', '--concurrency', '0'], /--concurrency must be a whole number from 1 to 1024/)
  await rejects(['a', '--seed', 'x'], /--seed/)
  await rejects(['a', '--fast'], /--fast/)
})

const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('stopgate-replay-'))
const read = async (url: string) => await (await fetch(url)).json() as any

t.test('the service keeps the settings that affect decisions and removes its folder at the end', async (t) => {
  const before = new Set(await folders())
  const own = await startOwnService({ CONTEXT_LEVELS: 'task', DEFAULT_POLICY: atTestCadence('{"max_em_drop":0.05,"follow_up_seconds":60}'), REDIS_URL: 'redis://127.0.0.1:1', DATA_DIR: '/nowhere', ACCESS_TOKENS: '[]', HOST: '0.0.0.0' })
  t.teardown(() => own.close())
  t.match(await read(`${own.url}/v1/snapshot`), { levels: ['task'], store: { kind: 'embedded', up: true } }, 'REDIS_URL is ignored')
  t.match(await read(`${own.url}/v1/contexts/*/policy`), { effective: { max_em_drop: 0.05, follow_up_seconds: 0 } })
  await own.close()
  t.strictSame((await folders()).filter((name) => !before.has(name)), [])
})

t.test('an invalid setting is named', async (t) => {
  const before = await folders()
  await t.rejects(startOwnService({ DEFAULT_POLICY: '{' }), { name: 'CommandError', message: /DEFAULT_POLICY is not valid JSON/ })
  await t.rejects(startOwnService({ DEFAULT_POLICY: '{"max_em_drop":2}' }), { name: 'CommandError', message: /DEFAULT_POLICY\/max_em_drop/ })
  t.strictSame(await folders(), before)
})

const served = { run: recorded('a', 1, [[0.9, 1]]), tokens: 60, em: 1 as const, probeTokens: 0, isStopped: true, arm: 'treated' as const }

t.test('without a terminal a line is printed every 10 %', async (t) => {
  const { stderr, err } = captureIo()
  const { advance, stop } = startProgress(25, stderr)
  for (let i = 0; i < 25; i++) advance(served)
  stop()
  const lines = err().trimEnd().split('\n')
  t.equal(lines.length, 10)
  t.equal(lines[0], 'replay: 10 %, 3 of 25 generations, saved 40.0 % of the tokens')
  t.equal(lines[9], 'replay: 100 %, 25 of 25 generations, saved 40.0 % of the tokens')
})

t.test('with few generations a line may skip several tenths', async (t) => {
  const { stderr, err } = captureIo()
  const { advance } = startProgress(3, stderr)
  advance(served)
  t.match(err(), /^replay: 30 %, 1 of 3/)
})

t.test('a terminal shows a bar', async (t) => {
  const { stderr, err } = captureIo()
  const noop = () => true
  const terminal = Object.assign(stderr, { isTTY: true, columns: 120, cursorTo: noop, clearLine: noop, moveCursor: noop })
  const { advance, stop } = startProgress(2, terminal)
  advance(served)
  advance(served)
  stop()
  t.match(err(), /replay \[.*\] 100 % \| 2\/2 generations \| saved 40\.0 %/)
})
