import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Test } from 'tap'
import { temporaryFolder } from './helper.js'

type Program = 'redis-server' | 'valkey-server'

/** Why a program cannot be started; false if it can be. */
function missing (program: Program): string | false {
  return spawnSync(program, ['--version']).error !== undefined && `${program} is not on the PATH: apt-get install ${program}`
}

/** For `t.test(name, { skip: without(program) }, ...)`: the reason to skip tests with it, or false. With CI set they fail instead. */
export function without (program: Program): string | false {
  const reason = process.env.CI ? false : missing(program)
  if (reason !== false) console.error(`SKIPPED: ${reason}`)
  return reason
}

export const withoutRedis = without('redis-server')

/** A redis-server for one test, with an empty folder and a free port. It ends after the test. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Holds its append-only file, also after a restart. */
  readonly folder: string
  /** Starts it again on the same port and folder, perhaps with other settings, and waits until it has loaded its data. */
  readonly start: (settings?: RedisSettings) => Promise<void>
  /** Sends a signal and waits for the end: SIGKILL is a crash, SIGTERM an orderly end. */
  readonly stop: (signal?: 'SIGKILL' | 'SIGTERM') => Promise<void>
  /** Keeps it from answering while its connections stay open. */
  readonly pause: () => void
  readonly resume: () => void
}

const running = new Set<ChildProcess>()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') }) // a test that crashes runs no teardown

/** Starts a `redis-server` that ends with the test, even if the test crashes. Resolves when its output contains `ready`. */
export async function startServer (
  t: Pick<Test, 'teardown'>, args: readonly string[], ready = 'Ready to accept connections', program: Program = 'redis-server'
): Promise<ChildProcess> {
  const reason = missing(program)
  if (reason !== false) throw new Error(reason)
  const child = spawn(program, args)
  running.add(child)
  t.teardown(() => endServer(child))
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      output += text
      if (output.includes(ready)) resolve() // its data is loaded by then
    })
    child.once('exit', () => { reject(new Error(`${program} did not start: ${output}`)) })
  })
  return child
}

/** Sends a signal to a server, resumes it if it is paused, and waits for its end. */
export async function endServer (child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGCONT')
  child.kill(signal)
  await once(child, 'exit')
  running.delete(child)
}

/** Settings of redis.conf, such as `{ appendonly: 'yes' }`. */
export type RedisSettings = Readonly<Record<string, string>>

/** The settings of the compose file, with which no acknowledged write is lost. */
export const DURABLE: RedisSettings = { appendonly: 'yes', appendfsync: 'always' }

/** Settings with several values, which are separated by blanks. */
const LISTS = ['user', 'rename-command']

export async function startRedis (t: Pick<Test, 'teardown'>, settings: RedisSettings = {}, program?: Program): Promise<RedisServer> {
  const folder = await temporaryFolder(t)
  const port = await freePort()
  let server: ChildProcess | null = null

  const start = async (given: RedisSettings = settings) => {
    const all = { bind: '127.0.0.1', port: String(port), dir: folder, save: '', daemonize: 'no', ...given }
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...LISTS.includes(name) ? value.split(' ') : [value]])
    server = await startServer(t, args, undefined, program)
  }
  const stop = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL') => {
    if (server !== null) await endServer(server, signal)
    server = null
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    start,
    stop,
    pause: () => { server!.kill('SIGSTOP') },
    resume: () => { server!.kill('SIGCONT') },
  }
}

/**
 * A port that nothing listens on. It is below those that the system gives to clients and to `listen(0)` (32768 and up), so nothing takes it
 * before the server that it is for.
 */
export async function freePort (): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(22_000 * Math.random())
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => { resolve(false) }).listen(port, '127.0.0.1', () => { resolve(true) })
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}
