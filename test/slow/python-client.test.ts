import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { cli } from '../service-process.js'

const run = promisify(execFile)

const CLIENT = 'clients/python'

/** `npm run test:python` makes it. */
const BIN = '.venv/bin'

const skip = existsSync(`${CLIENT}/${BIN}/pytest`) ? false : 'the Python client is not tested here: run npm run test:python once, which makes clients/python/.venv'

/** Fails with what a tool of the client's environment printed. */
async function passes (t: Test, tool: string, ...args: string[]): Promise<void> {
  const env = { ...process.env, STOPGATE_CLI: cli }
  try {
    const { stdout } = await run(`${BIN}/${tool}`, args, { cwd: CLIENT, env, maxBuffer: 1e8 })
    t.pass(`${tool}: ${stdout.trim().split('\n').at(-1)}`)
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string, stderr: string }
    t.fail(`${tool}: ${stdout}${stderr}`)
  }
}

t.test('the Python client passes its tests against this service', { skip }, (t) => passes(t, 'pytest', '--quiet'))
t.test('the Python client has types and style', { skip }, async (t) => {
  await passes(t, 'mypy')
  await passes(t, 'ruff', 'check', 'src', 'tests')
  await passes(t, 'ruff', 'format', '--check', 'src', 'tests')
})
