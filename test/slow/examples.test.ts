import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { writeCommand } from '../docs/run-bash.js'
import { build, temporaryFolder, type Built, until } from '../helper.js'
import { cli } from '../service-process.js'

const run = promisify(execFile)

const PYTHON = 'clients/python/.venv/bin/python'
const FILES = readdirSync('examples').filter((file) => file !== 'README.md')

const without = (...packages: string[]): string | false => {
  const find = 'import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))'
  const isThere = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', find, ...packages]).status === 0
  return isThere ? false : `not tested here: needs ${['clients/python/.venv', ...packages].join(', ')}`
}

/** Runs an example, by the command in its first line, against a service. */
async function example (t: Test, command: string, more: NodeJS.ProcessEnv = {}): Promise<Built & { stdout: string }> {
  const built = await build(t)
  const url = await built.app.listen({ port: 0 })
  const [program, ...args] = command.split(' ')
  const folder = await temporaryFolder(t)
  await writeCommand(folder, 'npx') // the real one would build the service again, under the other tests
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, STOPGATE_URL: url, PYTHONPATH: 'clients/python/src', ...more }
  const { stdout } = await run(program === 'python3' ? PYTHON : program!, args, { env })
  return { ...built, stdout }
}

const reported = async ({ send }: Built, key: string): Promise<number> => (await send('GET', `/v1/contexts/${key}`)).body.follow_up.reported

t.test('every example says how to run it, and is listed', async (t) => {
  for (const file of FILES) {
    t.match(readFileSync(`examples/${file}`, 'utf8').split('\n').find((line) => !line.startsWith('#!')), new RegExp(`^(?:#|//) (?:bash|node|python3) examples/${file}`))
    t.match(readFileSync('examples/README.md', 'utf8'), `[${file}](${file})`)
    if (file.endsWith('.sh')) t.not(statSync(`examples/${file}`).mode & 0o100, 0, `${file} can be started`)
  }
  for (const [, link = ''] of readFileSync('examples/README.md', 'utf8').matchAll(/\]\(([^)#]+)/g)) t.ok(existsSync(`examples/${link}`), link)
})

t.test('curl reports a generation', async (t) => {
  const { stdout } = await example(t, 'bash examples/curl.sh')
  t.match(stdout, /"decision":"continue".*\n.*"accepted":1,"duplicates":0/)
})

t.test('the worker in Node.js reports its generations', async (t) => {
  const built = await example(t, 'node examples/worker.mjs')
  t.match(built.stdout, '20 generations are reported')
  t.equal(await reported(built, 'model=stand-in,task=worker'), 20)
})

t.test('the worker in Node.js conforms', async (t) => {
  const { stdout } = await run(process.execPath, [cli, 'conformance', '--', process.execPath, 'examples/worker.mjs']).catch((error) => error)
  t.notMatch(stdout, /^not ok/m)
  t.match(stdout, /^# \d+ passed, 0 failed/m)
})

for (const [name, task] of [['sync', 'python'], ['async', 'asyncio']] as const) {
  t.test(`the ${name} client of Python reports its generations`, { skip: without() }, async (t) => {
    const built = await example(t, `python3 examples/python_${name}.py`)
    t.match(built.stdout, /reported=20, rejected=0, dropped=0/)
    t.equal(await reported(built, `model=stand-in,task=${task}`), 20)
  })
}

t.test('a batch in transformers is answered', { skip: without('torch', 'transformers') }, async (t) => {
  const { stdout } = await example(t, 'python3 examples/transformers_batch.py research/engines/model/weights')
  t.match(stdout, /^.+\n.+\nCounters\(checks=\d+/)
})

t.test('rollouts of GRPO are reported', { skip: without('torch', 'transformers', 'trl') }, async (t) => {
  t.teardown(() => rm('grpo-sums', { recursive: true, force: true }))
  const built = await example(t, 'python3 examples/trl_grpo.py research/engines/model/weights 6')
  const key = 'model=grpo,task=sums'
  const { send } = built
  await until('they are learned', async () => (await send('GET', `/v1/contexts/${key}`)).status === 200)
})

t.test('llama.cpp behind the proxy answers', { skip: without('xllamacpp') }, async (t) => {
  const server = spawn(PYTHON, ['research/engines/llama_server.py', '--slots', '2'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(async () => { server.kill('SIGKILL'); await once(server, 'exit') })
  const [address] = await once(createInterface(server.stdout), 'line')
  const { stdout } = await example(t, `bash examples/llama_cpp.sh ${address}`, { PORT: '18095', PROMPT: 'swap 187: ax bz cy dy ex' })
  const reply = JSON.parse(stdout.split('\n').find((line) => line.includes('"choices"'))!)
  t.type(reply.choices[0].message.content, 'string')
})
