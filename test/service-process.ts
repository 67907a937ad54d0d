import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { EnrolmentTimes } from '../src/core/evidence/enrolment-list.js'
import { creating, until } from './helper.js'
import { bundleService } from './service-bundle.js'
import { atTestCadence } from './test-cadence.js'

const { cli, quickService, learnerWorker } = await bundleService()

export { cli, learnerWorker }

export interface ServiceProcess {
  readonly child: ChildProcess
  /** The parsed lines of the log. */
  readonly log: Record<string, unknown>[]
  readonly stderr: () => string
  /** Resolves with the exit code and signal. */
  readonly exited: Promise<{ code: number | null, signal: NodeJS.Signals | null }>
  /** Resolves when the service accepts requests. */
  readonly url: () => Promise<string>
  readonly post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<{ status: number, body: any }>
  readonly put: (path: string, body: unknown, headers?: Record<string, string>) => Promise<{ status: number, body: any }>
  readonly delete: (path: string, headers?: Record<string, string>) => Promise<{ status: number, body: any }>
  readonly get: (path: string, headers?: Record<string, string>) => Promise<{ status: number, body: any }>
}

interface StartOptions { readonly detached?: boolean, readonly deafTo?: string, readonly times?: EnrolmentTimes }

/**
 * Starts the service in a process of its own on a free port, as a user does. It is killed after the test.
 * @param options.detached whether the process leads a process group of its own
 * @param options.deafTo a signal that the process ignores. It gets no hooks of tap then: these would end it at the signal
 * @param options.times times of enrolment; absent: the usual ones
 */
export function startProcess (
  t: Pick<Test, 'teardown'>, env: NodeJS.ProcessEnv, { detached = false, deafTo = '', times }: StartOptions = {}
): ServiceProcess {
  const command = [process.execPath, ...times === undefined ? [cli, 'serve'] : [quickService, JSON.stringify(times)]]
  const [file, ...args] = deafTo === '' ? command : ['sh', '-c', `unset NODE_OPTIONS; trap '' ${deafTo}; exec "$@"`, 'sh', ...command]
  const child = spawn(file!, args, {
    env: { PORT: '0', ...env, DEFAULT_POLICY: atTestCadence(env.DEFAULT_POLICY) }, detached, stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => { child.kill('SIGKILL') })
  const log: Record<string, unknown>[] = []
  createInterface(child.stdout!).on('line', (line) => { if (line.startsWith('{')) log.push(JSON.parse(line)) })
  let errors = ''
  child.stderr!.on('data', (chunk) => { errors += chunk })
  const url = async () => (await until(`the service serves ${errors}`, () => log.find(({ msg }) => msg === 'stopgate is listening'))).url as string
  const call = async (path: string, init: RequestInit) => {
    // The fetch of Node.js 20 may wait forever for a service that is killed while it connects.
    const reply = await fetch(await url() + path, { signal: AbortSignal.timeout(60_000), ...init })
    if (reply.status === 204) return { status: 204, body: null }
    const isJson = reply.headers.get('content-type')?.includes('json') === true
    return { status: reply.status, body: isJson ? await reply.json() : await reply.text() }
  }
  return {
    child,
    log,
    stderr: () => errors,
    exited: new Promise((resolve) => { child.once('exit', (code, signal) => resolve({ code, signal })) }),
    url,
    post: (path, body, headers) => call(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
    put: (path, body, headers) => call(creating('PUT', path), { method: 'PUT', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
    delete: (path, headers = {}) => call(path, { method: 'DELETE', headers }),
    get: (path, headers = {}) => call(path, { headers }),
  }
}
