import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../../src/cli/replay/replay.js'
import { simulateOutcomes } from '../../../src/cli/simulate/simulate.js'
import { PROFILES } from '../../../src/cli/simulate/profiles.js'
import { temporaryFolder } from '../../helper.js'
import { tokenList, tokenOf } from '../../token-fixtures.js'
import { captureIo } from '../command-line/captured-io.js'

/** 300 generations in each simulated context; at 5 points the first certificate takes 73. */
async function traces (folder: string): Promise<string> {
  const path = join(folder, 'traces.jsonl')
  await writeFile(path, [...simulateOutcomes(PROFILES, 900, 3)].map((outcome) => JSON.stringify(outcome) + '\n').join(''))
  return path
}

const env = { DEFAULT_POLICY: '{"max_em_drop":0.05}' }

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
  t.match(io.err(), /uses its own empty service, with follow_up_seconds 0/)
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
  await t.rejects(run([file, '--url', service.url, '--token', 'two words'], captureIo()), { name: 'UsageError', message: /^(?!.*two words).*neither spaces/ })
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
