import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.js'
import { isLoopback } from '../config/loopback.js'
import { parseTokens } from './token-list.js'
import { findToken, type Token } from './tokens.js'
import { watchFiles } from '../config/watched-files.js'

export type Access = ReturnType<typeof createAccess>

/** RFC 6750, with the scheme in any case. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i

/**
 * Reads the tokens, and reads a token file again when it changes.
 * @throws ConfigError that names the setting
 */
export function createAccess (config: Config, log: FastifyBaseLogger) {
  const { accessTokensFile: path, accessTokens, levels, pollSeconds } = config
  const isOpen = path === '' && accessTokens === ''
  let tokens: Token[] = accessTokens === '' ? [] : parseTokens('ACCESS_TOKENS', accessTokens, levels)
  if (isOpen && !isLoopback(config.host)) log.warn({ host: config.host }, 'ALLOW_ANONYMOUS is set: any client that reaches this address may call every route')

  const file = path === ''
    ? null
    : watchFiles({
      files: [{ setting: FILE, path, holds: 'a file with a list of tokens' }],
      pollSeconds,
      log,
      what: 'access tokens',
      take ([text]) {
        tokens = parseTokens(FILE, text!, levels, tokens)
        return { tokens: tokens.map(({ name }) => name) }
      },
    })
  return {
    /** Whether the service requires no token. */
    isOpen,
    /** The token of an Authorization header; `null`: none, or an unknown one. */
    identify (authorization: string | undefined) {
      const presented = BEARER.exec(authorization ?? '')?.[1]
      return presented === undefined ? null : findToken(tokens, presented)
    },
    /** Why the changed token file is not in force; `null`: it is. */
    problem: () => file?.problem() ?? null,
    close: () => file?.close(),
  }
}

const FILE = 'ACCESS_TOKENS_FILE'
