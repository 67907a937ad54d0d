import { parseArgs, type ParseArgsConfig } from 'node:util'
import type { Levels } from '../../core/policy/index.js'
import { UsageError } from './command-error.js'

/** Strict `parseArgs` of node:util. @throws UsageError */
export function parseFlags<const T extends NonNullable<ParseArgsConfig['options']>> (args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** For a command without arguments. @throws UsageError if there are any */
export function refuseArguments (command: string, args: readonly string[]): void {
  const { positionals } = parseFlags(args, {})
  if (positionals.length > 0) throw new UsageError(`${command} takes no arguments, not ${JSON.stringify(positionals[0])}`)
}

/** @throws UsageError unless the text is a whole number from `min` to `max` */
export function wholeNumber (flag: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`${flag} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

/** @throws UsageError unless the text is a number from `min` to `max` */
export function numberWithin (flag: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (value >= min && value <= max) return value
  throw new UsageError(`${flag} must be a number from ${min} to ${max}, not ${JSON.stringify(text)}`)
}

/** Levels of contexts, separated by commas. @throws UsageError */
export function readLevels (text: string): Levels {
  const levels = text.split(',')
  if (levels.every((level) => /^[A-Za-z][A-Za-z0-9_.-]{0,31}$/.test(level)) && new Set(levels).size === levels.length) return levels
  throw new UsageError(`--levels must be different names joined by commas, not ${JSON.stringify(text)}`)
}

/** Flags of commands that call a service. */
export const SERVICE_FLAGS = { url: { type: 'string', default: 'http://127.0.0.1:8080' }, token: { type: 'string' } } as const

/** @throws UsageError for a malformed address or token */
export function readServiceFlags (
  values: { url: string, token?: string | undefined }, env: NodeJS.ProcessEnv): { url: string, token: string | undefined } {
  const { url, token = env.STOPGATE_TOKEN } = values
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new UsageError(`--url must be an http or https URL, not ${JSON.stringify(url)}`)
  try { decodeURIComponent(new URL(url).username + new URL(url).password) } catch {
    throw new UsageError('the name and password in --url must be percent-encoded, with % as %25')
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new UsageError('the token (--token, STOPGATE_TOKEN) must consist of visible ASCII characters, without spaces or line breaks')
  return { url, token }
}
