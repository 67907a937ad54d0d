import { spawn } from 'node:child_process'
import { chmod, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../helper.js'
import { freePort } from '../redis-server.js'
import { cli } from '../service-process.js'

/** The port of the service in the pages' examples, and of the service that they start themselves. */
const SHOWN = { service: 'localhost:8080', own: '8090' }

/** Commands of the examples as they run in tests: curl fails on an error reply, npm and npx run the code compiled with the tests. */
const COMMANDS: Readonly<Record<string, string>> = {
  curl: 'exec /usr/bin/curl --fail-with-body --max-time 60 "$@"',
  npx: `[ "$1" = stopgate ] || { echo "npx $1 is not known here" >&2; exit 1; }; shift; exec '${process.execPath}' '${cli}' "$@"`,
  npm: `[ "$*" = start ] || { echo "npm $* is not run here" >&2; exit 1; }; exec '${process.execPath}' '${cli}' serve`,
}

/** Writes one of these commands into a folder that comes first in PATH. */
export async function writeCommand (folder: string, name: string): Promise<void> {
  const file = join(folder, name)
  await writeFile(file, `#!/bin/bash\n${COMMANDS[name]}\n`)
  await chmod(file, 0o755)
}

export interface Ran { readonly code: number | null, readonly stdout: string, readonly stderr: string }

export interface Shell {
  /** Runs a block to its end. */
  readonly run: (code: string) => Promise<Ran>
  /** Starts a block that runs until the test ends. */
  readonly start: (code: string) => Promise<void>
  /** Address of the service that a block starts by itself. */
  readonly ownUrl: string
}

/**
 * A shell in a folder with nothing but the `test` folder of a clone, for the blocks of one page in order.
 * @param url of the service that the page's examples call
 */
export async function openShell (t: Test, url: string, env: NodeJS.ProcessEnv): Promise<Shell> {
  const folder = await temporaryFolder(t)
  for (const name of Object.keys(COMMANDS)) await writeCommand(folder, name)
  await symlink(resolve('test'), join(folder, 'test'))
  const port = await freePort()
  const spawnBash = (code: string, stdio: 'pipe' | 'ignore') => {
    const adapted = code.replaceAll(SHOWN.service, new URL(url).host).replaceAll(SHOWN.own, String(port))
    const child = spawn('bash', ['-euo', 'pipefail', '-c', adapted], {
      cwd: folder, detached: true, stdio: ['ignore', stdio, stdio], env: { ...process.env, LOG_LEVEL: 'info', ...env, PATH: `${folder}:${process.env.PATH}` },
    })
    t.teardown(() => { try { process.kill(-child.pid!, 'SIGKILL') } catch { /* it has ended */ } })
    return child
  }
  return {
    ownUrl: `http://127.0.0.1:${port}`,
    async start (code) { spawnBash(code, 'ignore') },
    run: (code) => new Promise((resolve, reject) => {
      const child = spawnBash(code, 'pipe')
      const printed = { stdout: '', stderr: '' }
      child.stdout!.on('data', (text) => { printed.stdout += text })
      child.stderr!.on('data', (text) => { printed.stderr += text })
      child.once('error', reject).once('close', (exitCode) => resolve({ code: exitCode, ...printed }))
    }),
  }
}
