import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { cli } from '../service-process.js'

const run = promisify(execFile)

const CLIENT = 'clients/python'
const PYTHON = `${CLIENT}/.venv/bin/python`

const skip = existsSync(PYTHON) ? false : 'the Python client is not tested here: run npm run test:python once, which makes clients/python/.venv'

async function conforms (t: Test, ...args: string[]): Promise<void> {
  const env = { ...process.env, PYTHONPATH: `${CLIENT}/src` }
  const { stdout } = await run(process.execPath, [cli, 'conformance', ...args], { env }).catch((error) => error)
  t.notMatch(stdout, /^not ok/m)
  t.match(stdout, /^# \d+ passed, 0 failed/m)
}

const worker = [PYTHON, `${CLIENT}/tests/conformance_worker.py`]

t.jobs = 3
for (const kind of ['sync', 'async', 'local']) {
  t.test(`the ${kind} client of Python conforms`, { skip }, (t) => conforms(t, '--', ...worker, kind))
}
t.test('the plug-in of vLLM conforms, on an engine that is a fake', { skip }, (t) => conforms(t, '--', PYTHON, `${CLIENT}/tests/conformance_vllm.py`))
t.test('the local decider of Python conforms', { skip }, (t) => conforms(t, '--decider', '--', PYTHON, `${CLIENT}/tests/conformance_decider.py`))
