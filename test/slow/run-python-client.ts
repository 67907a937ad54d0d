import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { cli } from '../service-process.js'

const run = promisify(execFile)

const CLIENT = 'clients/python'

/** `npm run test:python` makes it. */
const BIN = '.venv/bin'

export const skip = existsSync(`${CLIENT}/${BIN}/pytest`) ? false : 'the Python client is not tested here: run npm run test:python once, which makes clients/python/.venv'

/**
 * The test files that import torch and the trainers, which takes long. A test file of tap runs them, beside the one that runs all others.
 */
export const WITH_MODELS = [
  'hf', 'lm_eval', 'rollout', 'training', 'training_evaluation', 'trl', 'trl_processes',
].map((name) => `tests/test_${name}.py`)

/** Exit status of pytest where conftest.py has left out all files, since their packages are not installed. */
const NOTHING_TO_RUN = 5

/** Fails with what a tool of the client's environment printed. */
export async function passes (t: Test, tool: string, ...args: string[]): Promise<void> {
  const env = { ...process.env, STOPGATE_CLI: cli }
  try {
    const { stdout } = await run(`${BIN}/${tool}`, args, { cwd: CLIENT, env, maxBuffer: 1e8 })
    t.pass(`${tool}: ${stdout.trim().split('\n').at(-1)}`)
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number, stdout: string, stderr: string }
    if (tool === 'pytest' && code === NOTHING_TO_RUN) t.pass(`${tool}: ${stdout.trim()}`, { skip: true })
    else t.fail(`${tool}: ${stdout}${stderr}`)
  }
}
