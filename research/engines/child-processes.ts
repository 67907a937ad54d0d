import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'

/** How long a process may take to end, ms. */
const END_MS = 20_000

const running = new Set<ChildProcess>()

/** Registers a process, so that it ends with this one. */
export function registered<Child extends ChildProcess> (child: Child): Child {
  running.add(child)
  for (const event of ['exit', 'error']) child.once(event, () => { running.delete(child) })
  return child
}

/** Ends a process. On SIGTERM its own children end with it; after a SIGKILL they may be left. */
export async function endChild (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  const timer = setTimeout(() => { child.kill('SIGKILL') }, END_MS)
  await ended
  clearTimeout(timer)
}

/** Does work that starts processes. On SIGTERM or SIGINT it ends all registered ones, which would otherwise go on, and then this one. */
export async function endingOnSignal (work: () => Promise<void>, cleanUp: () => void): Promise<void> {
  const signals = (['SIGTERM', 'SIGINT'] as const).map(async (name) => { await once(process, name); return name })
  const done = work()
  const signal = await Promise.race([done, ...signals])
  if (signal === undefined) return
  done.catch(() => {}) // it fails, since its processes end
  await Promise.all([...running].map(endChild))
  cleanUp()
  process.exit(128 + constants.signals[signal])
}

/** The first line that a process prints. @throws if it ends before that */
export async function firstLine (child: ChildProcess, name: string): Promise<string> {
  const printed = once(createInterface(child.stdout!), 'line').then(([line]) => line as string)
  const ended = once(child, 'exit').then(([code, signal]) => { throw new Error(`${name} ended with ${code ?? signal} before it printed anything`) })
  return await Promise.race([printed, ended])
}

/** Collects the last line that a process prints until it has ended, which may be before the promise is awaited. Call it at the start. */
export async function lastLine (child: ChildProcess): Promise<string> {
  let output = ''
  child.stdout!.on('data', (chunk) => { output += chunk })
  await once(child, 'close')
  return output.trim().split('\n').at(-1)!
}
