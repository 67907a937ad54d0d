import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LoadOrder, LoadResult } from './generator.js'

/** The server under test has a core to itself; generator and Redis share another. Without two cores or taskset nothing is pinned. */
export const SERVER_CORE = 1
export const LOAD_CORE = 0

const canPin = cpus().length > 1 && spawnSync('taskset', ['--version']).error === undefined
const running = new Set<ChildProcess>()
const folders = new Set<string>()

process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })

/** Starts a process, pinned to a core if possible. */
function start (
  core: number | null, command: string, args: readonly string[], env: NodeJS.ProcessEnv, hasChannel: boolean): ChildProcess {
  const [name, all] = canPin && core !== null ? ['taskset', ['-c', String(core), command, ...args]] as const : [command, args] as const
  const child = spawn(name, all, {
    env: { PATH: process.env.PATH, ...env }, stdio: hasChannel ? ['ignore', 'ignore', 'inherit', 'ipc'] : ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  child.once('exit', () => { running.delete(child) })
  return child
}

export async function end (child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGCONT')
  child.kill(signal)
  await once(child, 'exit')
}

/** Starts a script of this folder that answers messages. */
export interface Script<Order, Answer> { readonly child: ChildProcess, readonly ask: (order: Order) => Promise<Answer> }

export async function startScript<Order extends object, Answer> (
  name: string, core: number | null, args: readonly string[] = []): Promise<Script<Order, Answer>> {
  const child = start(core, process.execPath, [fileURLToPath(new URL(`./${name}.js`, import.meta.url)), ...args], {}, true)
  const gone = once(child, 'exit').then(([code]) => { throw new Error(`${name} ended with ${code}`) })
  gone.catch(() => {}) // the caller that waits for an answer reports it
  const answer = async () => (await Promise.race([once(child, 'message'), gone]))[0] as Answer
  await answer()
  return {
    child,
    async ask (order) {
      child.send(order)
      return await answer()
    },
  }
}

export type Generator = Script<LoadOrder, LoadResult>

export interface Server { readonly url: string, readonly child: ChildProcess }

/** Starts the service as a user does. */
export async function startServer (
  env: NodeJS.ProcessEnv, core: number | null = SERVER_CORE, execArgv: readonly string[] = []): Promise<Server> {
  return await startCommand(['serve'], { PORT: '0', ...env }, core, execArgv)
}

export interface Proxy extends Server { readonly admin: string }

/** Starts the proxy as a user does. */
export async function startProxy (upstream: string, service: string, core: number | null = SERVER_CORE): Promise<Proxy> {
  const args = ['--upstream', upstream, '--service', service, '--port', '0', '--admin-port', '0', '--probe', 'plain', '--trust-clients', 'yes']
  return await startCommand(['proxy', ...args], {}, core) as Proxy
}

async function startCommand (
  args: readonly string[], env: NodeJS.ProcessEnv, core: number | null, execArgv: readonly string[] = []
): Promise<Server & { readonly admin?: string }> {
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
  const child = start(core, process.execPath, [...execArgv, cli, ...args], env, false)
  for await (const line of createInterface(child.stdout!)) {
    const { msg, url, admin } = JSON.parse(line)
    if (!msg.endsWith('is listening')) continue
    child.stdout!.resume()
    return { url, admin, child }
  }
  throw new Error(`stopgate ${args[0]} did not start`)
}

export async function startRedis (isDurable: boolean): Promise<{ url: string, child: ChildProcess }> {
  const port = await freePort()
  const durable = isDurable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', await temporaryFolder(), ...durable]
  const child = start(LOAD_CORE, 'redis-server', settings, {}, false)
  for await (const line of createInterface(child.stdout!)) if (line.includes('Ready to accept connections')) break
  child.stdout!.resume()
  return { url: `redis://127.0.0.1:${port}`, child }
}

export async function temporaryFolder (): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stopgate-bench-'))
  folders.add(folder)
  return folder
}

export async function removeFolders (): Promise<void> {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** CPU time that all threads of a process have used, s; NaN where the system does not show it. */
export async function processorSeconds ({ pid }: ChildProcess): Promise<number> {
  try {
    const threads = await readdir(`/proc/${pid}/task`)
    const times = await Promise.all(threads.map(async (id) => parseInt(await readFile(`/proc/${pid}/task/${id}/schedstat`, 'latin1'))))
    return times.reduce((sum, time) => sum + time, 0) / 1e9
  } catch { return NaN }
}

/** CPU time of a process and of the processes that it started, s. */
export async function familySeconds ({ pid }: ChildProcess): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1').catch(() => '')).trim().split(' ').filter((id) => id !== '')
  const all = await Promise.all([pid, ...children].map((id) => processorSeconds({ pid: Number(id) } as ChildProcess)))
  return all.reduce((sum, seconds) => sum + seconds)
}

/** Resident memory of a process, and the part of it that is not pages of files, MiB. */
export async function memoryOf ({ pid }: ChildProcess): Promise<{ resident: number, anonymous: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '')
  const of = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN) / 1024
  return { resident: of('VmRSS'), anonymous: of('RssAnon') }
}
