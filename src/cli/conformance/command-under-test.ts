import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { CommandError } from '../command-line/command-error.js'

/** Starts a command whose standard error goes to `stderr`. @throws CommandError if there is no such program */
export async function startCommand (
  [file, ...args]: readonly string[], env: NodeJS.ProcessEnv, stderr: NodeJS.WritableStream
): Promise<ChildProcess> {
  // In a process group of its own, so that a time limit ends the children of a shell, too.
  const child = spawn(file!, args, { env, stdio: 'pipe', detached: true })
  child.stderr.pipe(stderr, { end: false })
  child.stdin.on('error', () => {}) // it need not read
  try {
    await once(child, 'spawn')
  } catch (error) {
    throw new CommandError(`cannot start ${JSON.stringify(file)}: ${(error as Error).message}`, { cause: error })
  }
  return child
}

/** Ends a command and all that it has started. */
export function killCommand ({ pid }: ChildProcess): void {
  try { process.kill(-pid!, 'SIGKILL') } catch { /* it has ended */ }
}

/** Waits until a command has ended. @returns the problem; '' if it ended well */
export async function endOf (child: ChildProcess, limitSeconds: number): Promise<string> {
  let isLate = false
  const limit = setTimeout(() => { isLate = true; killCommand(child) }, limitSeconds * 1000)
  try {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  } finally {
    clearTimeout(limit)
  }
  if (isLate) return `it had not ended after ${limitSeconds} s`
  return child.exitCode === 0 ? '' : `it ended with ${child.signalCode ?? `exit status ${child.exitCode}`}`
}
