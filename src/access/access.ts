import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.js'
import { isLoopback } from '../config/loopback.js'
import { parseTokens } from './token-list.js'
import { findToken, type Token } from './tokens.js'
import { watchFiles, type WatchedFiles } from '../config/watched-files.js'

/** Who may call: the tokens in force, those of a file as it stands now. */
export interface Access {
  /** No token is asked for. */
  readonly isOpen: boolean
  /** The token of an Authorization header; `null`: none, or one that is not known. */
  readonly identify: (authorization: string | undefined) => Token | null
  /** Why a changed file is not in force; `null`: it is. */
  readonly problem: () => string | null
  readonly close: () => void
}

/** RFC 6750: the scheme in any case, the token without spaces. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i

/**
 * Reads the tokens, and goes on reading a file of them.
 * @throws ConfigError that names the setting
 */
export function createAccess (config: Config, log: FastifyBaseLogger): Access {
  const { accessTokensFile: path, accessTokens, levels, pollSeconds } = config
  const isOpen = path === '' && accessTokens === ''
  let tokens: Token[] = accessTokens === '' ? [] : parseTokens('ACCESS_TOKENS', accessTokens, levels)
  if (isOpen && !isLoopback(config.host)) log.warn({ host: config.host }, 'ALLOW_ANONYMOUS: whoever reaches this address may do everything')

  const file: WatchedFiles | null = path === ''
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
    isOpen,
    identify (authorization) {
      const presented = BEARER.exec(authorization ?? '')?.[1]
      return presented === undefined ? null : findToken(tokens, presented)
    },
    problem: () => file?.problem() ?? null,
    close: () => file?.close(),
  }
}

const FILE = 'ACCESS_TOKENS_FILE'
