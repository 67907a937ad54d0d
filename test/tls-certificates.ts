import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const REMEDY = 'openssl is not on the PATH: apt-get install openssl'

/** The reason to skip tests that need openssl, or false. With CI set they fail instead. */
export const withoutOpenssl: string | false = spawnSync('openssl', ['version']).error === undefined || process.env.CI ? false : REMEDY

/** Paths of PEM files. */
export interface CertificateFiles { readonly cert: string, readonly key: string }

/** A certificate authority for tests. Its certificates are valid for a day and for 127.0.0.1. */
export interface Authority extends CertificateFiles {
  readonly pem: string
  readonly issue: (name: string) => CertificateFiles
}

export function makeAuthority (folder: string): Authority {
  const pathsOf = (name: string) => ({ cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) })
  const make = (name: string, ...more: string[]) => {
    const { cert, key } = pathsOf(name)
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', `/CN=${name}`,
      '-keyout', key, '-out', cert, ...more,
    ], { stdio: 'ignore' })
    return { cert, key }
  }
  const authority = make('authority')
  return {
    ...authority,
    pem: readFileSync(authority.cert, 'utf8'),
    issue: (name) => make(name, '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-CA', authority.cert, '-CAkey', authority.key),
  }
}
