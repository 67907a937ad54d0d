import { PassThrough } from 'node:stream'
import type { World } from '../../../src/commands/command-line/command-io.js'

export interface CapturedWorld extends World { readonly out: () => string, readonly err: () => string }

/** A world whose output is kept for the test. */
export function capturedWorld (env: NodeJS.ProcessEnv = {}): CapturedWorld {
  const captured = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof captured) => new PassThrough().setEncoding('utf8').on('data', (text) => { captured[name] += text })
  return { env, stdout: stream('stdout'), stderr: stream('stderr'), out: () => captured.stdout, err: () => captured.stderr }
}
