import { PassThrough } from 'node:stream'
import type { CommandIo } from '../../../src/cli/command-line/command-io.js'

export interface CapturedIo extends CommandIo { readonly out: () => string, readonly err: () => string }

/** Streams that keep their output for the test. */
export function captureIo (env: NodeJS.ProcessEnv = {}): CapturedIo {
  const captured = { stdout: '', stderr: '' }
  const stream = (name: keyof typeof captured) => new PassThrough().setEncoding('utf8').on('data', (text) => { captured[name] += text })
  return { env, stdout: stream('stdout'), stderr: stream('stderr'), out: () => captured.stdout, err: () => captured.stderr }
}
