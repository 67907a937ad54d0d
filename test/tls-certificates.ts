import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const REMEDY = 'openssl is not on the PATH: apt-get install openssl'

/** The reason to skip tests that need openssl, or false. With CI set they fail instead. */
export const withoutOpenssl: string | false = spawnSync('openssl', ['version']).error === undefined || process.env.CI ? false : REMEDY

/** Paths of PEM files. */
export interface CertificateFiles { readonly cert: string, readonly key: string }

/** A certificate authority for tests. Its certificates are valid for a day. */
export interface Authority extends CertificateFiles {
  readonly pem: string
  /** @param place that the certificate is for */
  readonly issue: (name: string, place?: string) => CertificateFiles
  readonly issueExpired: (name: string) => CertificateFiles
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
    issue: (name, place = 'IP:127.0.0.1') => make(name, '-addext', `subjectAltName=${place}`, '-addext', 'basicConstraints=critical,CA:FALSE', '-CA', authority.cert, '-CAkey', authority.key),
    issueExpired (name) {
      const { cert, key } = pathsOf(name)
      const [request, settings, database] = [join(folder, 'request'), join(folder, 'settings'), join(folder, 'database')]
      writeFileSync(database, '')
      writeFileSync(settings, [
        '[ca]', 'default_ca = of_tests', '[of_tests]', `database = ${database}`, `new_certs_dir = ${folder}`, 'rand_serial = yes', 'default_md = sha256',
        'policy = policy', 'x509_extensions = extensions', '[policy]', 'commonName = supplied', '[extensions]', 'subjectAltName = IP:127.0.0.1', '',
      ].join('\n'))
      const run = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
      run('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request)
      run('ca', '-batch', '-notext', '-config', settings, '-cert', authority.cert, '-keyfile', authority.key, '-in', request, '-out', cert,
        '-startdate', '20200101000000Z', '-enddate', '20200102000000Z')
      return { cert, key }
    },
  }
}
