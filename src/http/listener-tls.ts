import { createSecureContext } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.js'
import { ConfigError } from '../config/settings.js'
import { watchFiles, type WatchedFiles } from '../config/watched-files.js'

/** A certificate, with those that lead to the authority behind it, and its key; both PEM. */
export interface Identity { readonly cert: string, readonly key: string }

/** What the listener shows to those who call it. */
export interface ListenerTls extends WatchedFiles {
  readonly identity: () => Identity
  /** Calls back with each that takes the place of the one before: connections that stand keep theirs. */
  readonly onRenewal: (listener: (identity: Identity) => void) => void
}

/**
 * Reads certificate and key, and goes on reading their files, so that a renewed certificate takes no restart; a pair of which only one half
 * is new yet waits for the other.
 * @returns `null`: the listener speaks plain HTTP
 * @throws ConfigError that names the setting
 */
export function createListenerTls ({ tlsCertFile, tlsKeyFile, pollSeconds }: Config, log: FastifyBaseLogger): ListenerTls | null {
  if (tlsCertFile === '') return null
  let identity: Identity = { cert: '', key: '' }
  let renewed = (_: Identity): void => {}
  const files = watchFiles({
    files: [
      { setting: 'TLS_CERT_FILE', path: tlsCertFile, holds: 'a file with a certificate in PEM' },
      { setting: 'TLS_KEY_FILE', path: tlsKeyFile, holds: 'a file with a private key in PEM' },
    ],
    pollSeconds,
    log,
    what: 'certificate and key',
    take ([cert, key]) {
      const next = { cert: cert!, key: key! }
      check(next)
      renewed(identity = next)
      return {}
    },
  })
  return { ...files, identity: () => identity, onRenewal: (listener) => { renewed = listener } }
}

function check (identity: Identity): void {
  try {
    // A file that is empty yet would pass for no key at all, and nobody could connect.
    if (identity.cert === '' || identity.key === '') throw new Error('empty')
    createSecureContext(identity)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ConfigError(`TLS_CERT_FILE and TLS_KEY_FILE are no certificate and its key, both PEM, the key without a password (${code ?? message})`)
  }
}
