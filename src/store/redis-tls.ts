import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** Paths of PEM files; an empty or absent path means none. */
export interface RedisTlsFiles {
  readonly redisCaFile?: string | undefined
  readonly redisCertFile?: string | undefined
  readonly redisKeyFile?: string | undefined
}

/** TLS options of a connection beyond the defaults. */
export interface RedisTls { readonly ca?: string, readonly cert?: string, readonly key?: string }

/** @throws Error that names the setting but not the path, which may be a misplaced secret */
export function readRedisTls ({ redisCaFile, redisCertFile, redisKeyFile }: RedisTlsFiles): RedisTls {
  const tls = {
    ...(redisCaFile && { ca: read('REDIS_CA_FILE', redisCaFile) }),
    ...(redisCertFile && { cert: read('REDIS_CERT_FILE', redisCertFile) }),
    ...(redisKeyFile && { key: read('REDIS_KEY_FILE', redisKeyFile) }),
  }
  try { createSecureContext(tls) } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`REDIS_CA_FILE, REDIS_CERT_FILE and REDIS_KEY_FILE cannot be used (${code ?? message}): they must be PEM files of an authority, of a certificate and of its key, which must not have a password`)
  }
  return tls
}

function read (setting: string, path: string): string {
  let text
  try { text = readFileSync(path, 'utf8') } catch (error) {
    throw new Error(`${setting} cannot be read (${(error as NodeJS.ErrnoException).code}): it must be the path of a PEM file`)
  }
  if (!text.includes('-----BEGIN ')) throw new Error(`${setting} is not a PEM file: it has no line that starts with -----BEGIN`)
  return text
}
