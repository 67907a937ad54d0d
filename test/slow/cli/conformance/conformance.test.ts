import { writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t from 'tap'
import { run, usage } from '../../../../src/cli/conformance/conformance.js'
import { SCENARIOS } from '../../../../src/cli/conformance/scenarios.js'
import { cli } from '../../../service-process.js'
import { captureIo } from '../../../cli/command-line/captured-io.js'

const env = { PATH: process.env.PATH }

/**
 * Plays generations one after the other, as a first attempt at a worker would: it knows no failures and no arms. Where it goes on, it
 * reports each when the next one has begun, so that a scenario sees reports of the one before.
 */
const NAIVE = `
const post = (path, body) => fetch(process.env.STOPGATE_URL + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
let held
for (let i = 0; i < 4 || process.env.GOES_ON; i++) {
  const one = { generation_id: 'g' + process.pid + '-' + i, context: { model: 'q', task: 'x' } }
  for (const tokens of [32, 64]) await (await post('/v1/decisions', { ...one, tokens, confidence: 0.9 })).json()
  const outcome = { ...one, tokens: 96, em: 1, steps_asked: 2 }
  if (!process.env.GOES_ON) await post('/v1/outcomes', outcome)
  else if (held) await post('/v1/outcomes', held)
  held = outcome
}`

async function conformance (...args: string[]) {
  const io = captureIo(env)
  const error = await run(args, io).catch((error: Error) => error)
  return { out: io.out(), err: io.err(), error }
}

t.test('every scenario is explained', async (t) => {
  for (const { name, summary } of SCENARIOS) t.match(usage, new RegExp(`${name} +${summary}`))
})

t.test('a wrong line starts nothing', async (t) => {
  for (const args of [['--scenario', 'none'], ['--decider'], ['--port', 'x'], ['--limit', '0'], ['--generations', '0']]) {
    t.match(await conformance(...args), { error: { name: 'UsageError' }, out: '' })
  }
  t.match(await conformance('--', '/nowhere/worker'), { error: { name: 'CommandError', message: /cannot start "\/nowhere\/worker"/ } })
})

t.test('a naive worker fails, with its faults named', async (t) => {
  const folder = t.testdir()
  const worker = `${folder}/worker.mjs`
  await writeFile(worker, NAIVE)
  const { out, error } = await conformance('--scenario', 'steps', '--scenario', 'away', '--', process.execPath, worker)
  t.match(error, { name: 'CommandError', exitCode: 1 })
  for (const passed of ['the command ends with exit status 0', 'every call is valid', 'it reports every generation, until the outcome is stored once']) t.match(out, new RegExp(`^ok \\d+ - steps: ${passed}$`, 'm'))
  for (const failed of ['it states the arm of the first reply in every later step', 'outcomes of control generations have all steps, with answers',
    'generations state group_id with samples, prompt_hash, or samples: 1']) t.match(out, new RegExp(`^not ok \\d+ - steps: ${failed}$`, 'm'))
  t.match(out, /^not ok \d+ - away: the command ends with exit status 0\n {2}---\n {2}problems:\n {4}- "it ended with exit status 1"$/m)
  t.match(out, /^1\.\.\d+\n# \d+ passed, \d+ failed, \d+ skipped\n$/m)
})

t.test('a command that goes on is ended at the limit', async (t) => {
  const { out } = await conformance('--scenario', 'steps', '--limit', '1', '--', 'sleep', '60')
  t.match(out, /it had not ended after 1 s/)
  t.match(out, /no call named a generation/)
})

t.test('a running worker is observed through the scenarios', async (t) => {
  const folder = t.testdir()
  await writeFile(`${folder}/worker.mjs`, NAIVE)
  const child = spawn(process.execPath, [cli, 'conformance', '--port', '0', '--scenario', 'steps', '--scenario', 'stops', '--scenario', 'invalid', '--generations', '3'], { env })
  t.teardown(() => { child.kill('SIGKILL') })
  const exit = once(child, 'exit')
  let out = ''
  child.stdout.on('data', (chunk) => { out += chunk })
  for await (const line of createInterface(child.stderr)) {
    const url = /http:\/\/[\d.]+:\d+/.exec(line)?.[0]
    if (url === undefined) continue
    const worker = spawn(process.execPath, [`${folder}/worker.mjs`], { env: { ...env, STOPGATE_URL: url, GOES_ON: 'true' }, stdio: 'ignore' })
    t.teardown(() => { worker.kill('SIGKILL') })
    break
  }
  t.same(await exit, [1, null])
  t.match(out, /^ok \d+ - steps: it reports every generation, until the outcome is stored once$/m)
  t.match(out, /^not ok \d+ - stops: it stops when told$/m)
  t.match(out, /^ok \d+ - invalid: it does not repeat an outcome that was refused with 400$/m, 'a generation of this scenario was refused')
})

t.test('a decider that answers wrongly fails', async (t) => {
  const folder = t.testdir()
  const decider = `${folder}/decider.mjs`
  await writeFile(decider, "import { createInterface } from 'node:readline'\nfor await (const line of createInterface(process.stdin)) console.log(line.includes('bundle') ? '{}' : '{\"decision\": \"continue\", \"hash\": 0}')")
  const { out, error } = await conformance('--decider', '--', process.execPath, decider)
  t.match(error, { name: 'CommandError' })
  t.match(out, /^not ok 1 - vectors: murmur3 are those of the service\n[^]*hash is 1009084850, answered 0/m)
  t.match(out, /and \d+ more/)
  t.match((await conformance('--decider', '--', 'true')).out, /the command ended before it answered/)
})
