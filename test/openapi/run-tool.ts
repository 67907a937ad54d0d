import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

const FOLDER = 'test/openapi/tools'
export const NPM_TOOLS = `${process.cwd()}/${FOLDER}/node_modules/.bin`
export const PYTHON_TOOLS = `${process.cwd()}/${FOLDER}/.venv/bin`

/** Why a test of the npm tools is skipped: they are no part of `npm ci`, since they are larger than all other packages together. */
export const withoutNpmTools = !existsSync(`${NPM_TOOLS}/redocly`) && `run npm ci --ignore-scripts --prefix ${FOLDER}`

export const withoutPythonTools = !existsSync(`${PYTHON_TOOLS}/schemathesis`) &&
  `run python3 -m venv ${FOLDER}/.venv && ${FOLDER}/.venv/bin/pip install -r ${FOLDER}/requirements.txt`

/** Runs a program in the folder of the tools. @returns all that it prints; @throws with it, if it fails */
export async function runTool (file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  try {
    const options = { cwd: FOLDER, env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 }
    const { stdout, stderr } = await promisify(execFile)(file, args, options)
    return stdout + stderr
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout?: string, stderr?: string }
    throw new Error([message, stdout, stderr].join('\n').slice(0, 20_000))
  }
}
