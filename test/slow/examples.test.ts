import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { countsOf } from '../follow-up-counts.js'
import type { Built } from '../helper.js'
import { cli } from '../service-process.js'
import { example, without } from './run-example.js'

const FILES = readdirSync('examples').filter((file) => file !== 'README.md' && file !== 'trainers')

const reported = async ({ send }: Built, key: string): Promise<number> => (await countsOf((path) => send('GET', path), key)).reported ?? 0

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
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'conformance', '--', process.execPath, 'examples/worker.mjs']).catch((error) => error)
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
