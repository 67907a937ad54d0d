import { UsageError } from './command-error.js'

/** Flags of commands that call a service. */
export const SERVICE_FLAGS = { url: { type: 'string', default: 'http://127.0.0.1:8080' }, token: { type: 'string' } } as const

/** @throws UsageError for a malformed address or token */
export function readServiceFlags (
  values: { url: string, token?: string | undefined }, env: NodeJS.ProcessEnv): { url: string, token: string | undefined } {
  const { url, token = env.STOPGATE_TOKEN } = values
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new UsageError(`--url must be an http or https URL, not ${JSON.stringify(url)}`)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new UsageError('a token (--token, STOPGATE_TOKEN) has neither spaces nor line breaks')
  return { url, token }
}
