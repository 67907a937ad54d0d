import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { writeCommand } from '../docs/run-bash.js'
import { build, temporaryFolder, type Built } from '../helper.js'
import { ALL_CONTROL } from '../quick-policy.js'

const run = promisify(execFile)

export const PYTHON = 'clients/python/.venv/bin/python'

/** Why an example in Python cannot run; false if it can. */
export function without (...packages: string[]): string | false {
  const find = 'import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))'
  const isThere = existsSync(PYTHON) && spawnSync(PYTHON, ['-c', find, ...packages]).status === 0
  return isThere ? false : `not tested here: needs ${['clients/python/.venv', ...packages].join(', ')}`
}

/** Runs an example, by the command in its first line, against a service. */
export async function example (t: Test, command: string, more: NodeJS.ProcessEnv = {}): Promise<Built & { stdout: string }> {
  const built = await build(t, ALL_CONTROL)
  const url = await built.app.listen({ port: 0 })
  const [program, ...args] = command.split(' ')
  const folder = await temporaryFolder(t)
  await writeCommand(folder, 'npx') // the real one would build the service again, under the other tests
  const own = { PATH: `${folder}:${process.env.PATH}`, STOPGATE_URL: url, PYTHONPATH: 'clients/python/src' }
  const env = { ...process.env, ...own, OMP_NUM_THREADS: '1', ...more } // threads of torch spin while they wait for each other
  const { stdout } = await run(program === 'python3' ? PYTHON : program!, args, { env })
  return { ...built, stdout }
}
