import { accessSync, constants, statfsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { pino, type Logger } from 'pino'
import type { Test } from 'tap'
import { assemble, type AssemblyOptions } from '../src/app/assemble.js'
import { readConfig } from '../src/service/config/config.js'
import type { Services } from '../routes/services.js'
import { elapsed, pauseInWait } from './clock.js'
import { QUICK_TIMES, quickPolicy } from './quick-policy.js'
import { atTestCadence } from './test-cadence.js'

/**
 * A file system in memory, if the machine has one with enough room. Tests kill processes, never the machine, so waiting for a disk would
 * show nothing.
 */
function memoryFolder (): string | null {
  const folder = '/dev/shm'
  try {
    accessSync(folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize >= 2 ** 30 ? folder : null
  } catch {
    return null
  }
}

const TEMPORARY = memoryFolder() ?? tmpdir()

/** A folder that is deleted after the test. */
export async function temporaryFolder (t: Pick<Test, 'teardown'>): Promise<string> {
  const folder = await mkdtemp(join(TEMPORARY, 'stopgate-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export interface Built extends Services {
  readonly app: FastifyInstance
  /** Sends JSON and reads JSON. */
  readonly send: (method: InjectOptions['method'], url: string, body?: unknown, headers?: Record<string, string>) => Promise<{ status: number, body: any, headers: any }>
}

/** The whole service on an embedded store of its own, without a port. It learns in a moment, in this thread, and closes after the test. */
export async function build (t: Test, env: NodeJS.ProcessEnv = {}, log?: Logger, options: Pick<AssemblyOptions, 'times' | 'hasLearnerThread'> = {}): Promise<Built> {
  const policy = env.DEFAULT_POLICY ?? quickPolicy()
  const config = readConfig({ DATA_DIR: await temporaryFolder(t), LOG_LEVEL: process.env.LOG_LEVEL ?? 'silent', ...env, DEFAULT_POLICY: atTestCadence(policy) })
  const parts = await assemble(config, log ?? pino({ level: config.logLevel }), { times: QUICK_TIMES, hasLearnerThread: false, ...options })
  t.teardown(() => parts.app.close())
  return {
    ...parts,
    async send (method, url, body, headers = {}) {
      const payload = body !== undefined && { payload: body as object }
      const reply = await parts.app.inject({ method, url: creating(method, url), headers, ...payload } as InjectOptions)
      const isJson = String(reply.headers['content-type']).startsWith('application/json')
      return { status: reply.statusCode, body: isJson ? reply.json() : reply.body, headers: reply.headers }
    },
  }
}

/** Adds create=true to a URL that sets a policy or pin, unless it names `create`: most tests set these before the first outcome. */
export function creating (method: InjectOptions['method'], url: string): string {
  const isCreating = (method === 'PUT' || method === 'PATCH') && /^\/v1\/contexts\/[^/?]+\/(policy|pin)(\?|$)/.test(url) && !url.includes('create=')
  return isCreating ? `${url}${url.includes('?') ? '&' : '?'}create=true` : url
}

/**
 * Waits until a condition holds. It is checked after 10 ms and then at intervals of a tenth of the time waited so far, since many
 * conditions ask the service over HTTP. The deadline, by the clock of the machine, leaves room for a busy machine and a slow disk.
 */
export async function until<T> (what: string, condition: () => T | Promise<T>, seconds = 120): Promise<NonNullable<T>> {
  const start = elapsed()
  for (;;) {
    const value = await condition()
    if (value) return value
    const waited = elapsed() - start
    if (waited > seconds * 1000) throw new Error(`timed out after ${seconds} s waiting until ${what}`)
    await pauseInWait(Math.min(250, Math.max(10, waited / 10)))
  }
}
