import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Test } from 'tap'

const DEFAULTS = { VECTORS_DIR: '../shared/vectors', TRACES_DIR: '../shared/traces' }

/**
 * Text of a file that the project does not ship, from the folder that a variable names. Where it is absent the test is skipped and says
 * so; in CI it fails, since there the data has to be.
 */
export function sharedData (t: Test, folder: keyof typeof DEFAULTS, file: string): string | null {
  const path = resolve(process.env[folder] ?? DEFAULTS[folder], file)
  if (existsSync(path)) return readFileSync(path, 'utf8')
  const message = `${path} is absent: ${folder} names the folder it is in`
  if (process.env.CI) t.fail(message); else t.skip(message, async () => {})
  return null
}
