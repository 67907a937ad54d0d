import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import { ConfigError, type Config } from './config.js'
import { isLoopback } from './loopback.js'
import { parseTokens } from './token-list.js'
import { findToken, type Token } from './tokens.js'

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
 * Reads the tokens, and goes on reading a file of them. It is read again and not watched: a mounted secret changes by a
 * symbolic link that is moved, which watchers of the file miss, and the file is small.
 * @throws ConfigError that names the setting
 */
export function createAccess (config: Config, log: FastifyBaseLogger): Access {
  const { accessTokensFile: file, levels } = config
  const isOpen = file === '' && config.accessTokens === ''
  let text = file === '' ? config.accessTokens : readNow(file)
  let tokens = isOpen ? [] : parseTokens(file === '' ? 'ACCESS_TOKENS' : FILE, text, levels)
  let problem: string | null = null
  if (isOpen && !isLoopback(config.host)) log.warn({ host: config.host }, 'ALLOW_ANONYMOUS: whoever reaches this address may do everything')

  let isReading = false
  async function read (): Promise<void> {
    if (isReading) return
    isReading = true
    try {
      const next = await readFile(file, 'utf8')
      if (next !== text || problem !== null) take(next)
    } catch (error) {
      reject(error instanceof ConfigError ? error.message : unreadable(error))
    }
    isReading = false
  }

  function take (next: string): void {
    tokens = parseTokens(FILE, next, levels)
    text = next
    problem = null
    log.info({ tokens: tokens.map(({ name }) => name) }, 'the access tokens of the file are in force')
  }

  function reject (why: string): void {
    if (why !== problem) log.error({ reason: why }, 'the access tokens in force stay: the file that should replace them can\'t be used')
    problem = why
  }

  const poll = file === '' ? undefined : setInterval(read, config.pollSeconds * 1000).unref()
  return {
    isOpen,
    identify (authorization) {
      const presented = BEARER.exec(authorization ?? '')?.[1]
      return presented === undefined ? null : findToken(tokens, presented)
    },
    problem: () => problem,
    close: () => clearInterval(poll),
  }
}

const FILE = 'ACCESS_TOKENS_FILE'

function readNow (file: string): string {
  try { return readFileSync(file, 'utf8') } catch (error) { throw new ConfigError(unreadable(error)) }
}

/** Without the path: where it is set by mistake to what belongs into the file, that is no text for a log. */
function unreadable (error: unknown): string {
  return `${FILE} can't be read (${(error as NodeJS.ErrnoException).code}): it must be the path of a file with a list of tokens`
}
