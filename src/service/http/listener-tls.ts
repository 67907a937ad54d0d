import { createSecureContext } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import { ConfigError } from '../../settings/environment.js'
import type { Config } from '../config/config.js'
import { watchFiles } from '../config/watched-files.js'

/** A certificate chain and its key, both PEM. */
export interface Identity { readonly cert: string, readonly key: string }

export type ListenerTls = NonNullable<ReturnType<typeof createListenerTls>>

/**
 * Reads certificate and key, and reads their files again when they change, so that a renewal needs no restart. If only one of the two has
 * changed and they do not match, the previous pair stays in force until the other follows.
 * @returns `null`: the listener speaks plain HTTP
 * @throws ConfigError that names the setting
 */
export function createListenerTls ({ tlsCertFile, tlsKeyFile, pollSeconds }: Config, log: FastifyBaseLogger) {
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
  return {
    ...files,
    identity: () => identity,
    /** Calls back with each new identity. Existing connections keep theirs. */
    onRenewal (listener: (identity: Identity) => void) { renewed = listener },
  }
}

function check (identity: Identity): void {
  try {
    // createSecureContext takes an empty file for an absent option, and then no client could connect.
    if (identity.cert === '' || identity.key === '') throw new Error('empty')
    createSecureContext(identity)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ConfigError(`TLS_CERT_FILE and TLS_KEY_FILE must be a certificate and its key, both PEM, the key without a password (${code ?? message})`)
  }
}
