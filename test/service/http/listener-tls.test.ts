import { once } from 'node:events'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { request as plainRequest } from 'node:http'
import { Agent, request, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { pino } from 'pino'
import t from 'tap'
import { readConfig } from '../../../src/service/config/config.js'
import { createListenerTls } from '../../../src/service/http/listener-tls.js'
import { build, temporaryFolder, until } from '../../helper.js'
import { type CertificateFiles, makeAuthority, withoutOpenssl } from '../../tls-certificates.js'

const silent = pino({ level: 'silent' })
const skip = withoutOpenssl

/** Status and body of the reply, and the name in the server's certificate. */
async function ask (url: string, options: RequestOptions, body?: object) {
  const sent = request(url, { ...options, headers: { 'content-type': 'application/json' } }).end(body && JSON.stringify(body))
  const [reply] = await once(sent, 'response')
  const name = (reply.socket as TLSSocket).getPeerCertificate().subject?.CN
  let text = ''
  for await (const chunk of reply) text += chunk
  return { status: reply.statusCode as number, body: JSON.parse(text), name }
}

t.test('a renewed certificate is used without a restart', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const authority = makeAuthority(folder)
  const [first, second] = [authority.issue('first'), authority.issue('second')]
  const shown: CertificateFiles = { cert: join(folder, 'shown.crt'), key: join(folder, 'shown.key') }
  const show = async ({ cert, key }: CertificateFiles, files = ['cert', 'key']) => {
    if (files.includes('cert')) await copyFile(cert, shown.cert)
    if (files.includes('key')) await copyFile(key, shown.key)
  }
  await show(first)
  const { app, send } = await build(t, { TLS_CERT_FILE: shown.cert, TLS_KEY_FILE: shown.key, POLL_SECONDS: '0.01' })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const ca = authority.pem
  const standing = new Agent({ keepAlive: true, maxSockets: 1, ca })
  t.teardown(() => standing.destroy())

  t.match(await ask(`${url}/v1/decisions`, { agent: standing, method: 'POST' }, { tokens: 1, confidence: 1 }), { status: 200, body: { decision: 'continue' }, name: 'first' })
  await t.rejects(ask(`${url}/livez`, { agent: false }), { code: /UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED|UNABLE_TO_VERIFY/ }, 'a client that does not know the authority refuses the certificate')
  await t.rejects(ask(`${url}/livez`, { agent: false, ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }), 'TLS below 1.2 is refused')
  await t.rejects(once(plainRequest(url.replace('https', 'http')).end(), 'response'), 'plain HTTP is not answered')

  const warnings = async (): Promise<string[]> => (await send('GET', '/readyz')).body.warnings
  t.same(await warnings(), [])
  await show(second, ['key'])
  const warning = await until('half of a pair waits for the other', async () => (await warnings())[0])
  t.match(warning, /changed certificate is not in force.*TLS_CERT_FILE and TLS_KEY_FILE must be a certificate and its key/)
  t.match(await ask(`${url}/livez`, { agent: false, ca }), { status: 200, name: 'first' })
  await show(second, ['cert'])
  await until('the second is shown', async () => (await ask(`${url}/livez`, { agent: false, ca })).name === 'second')
  t.same(await warnings(), [])
  t.match(await ask(`${url}/livez`, { agent: standing }), { status: 200, name: 'first' }, 'an open connection keeps its certificate')
})

t.test('a TLS client that sends half a request is disconnected', { skip }, async (t) => {
  const { pem: ca, issue } = makeAuthority(await temporaryFolder(t))
  const { cert, key } = issue('one')
  const { app } = await build(t, { TLS_CERT_FILE: cert, TLS_KEY_FILE: key })
  t.equal(app.server.headersTimeout, 30_000)
  app.server.requestTimeout = app.server.headersTimeout = 100
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', ca })
  t.teardown(() => { socket.destroy() })
  socket.write('GET /livez HTTP/1.1\r\nx: ')
  let heard = ''
  for await (const chunk of socket) heard += chunk
  t.match(heard, /^HTTP\/1.1 408 /)
})

t.test('invalid files end the start with the name of the setting and show no content', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const authority = makeAuthority(folder)
  const { cert, key } = authority.issue('one')
  const secret = join(folder, 'secret-of-the-key')
  await writeFile(secret, await readFile(key))
  const rejects = (TLS_CERT_FILE: string, TLS_KEY_FILE: string, message: RegExp) => {
    t.throws(() => createListenerTls(readConfig({ TLS_CERT_FILE, TLS_KEY_FILE }), silent), { name: 'ConfigError', message })
  }
  rejects(cert, '', /^TLS_CERT_FILE and TLS_KEY_FILE must be set together/)
  rejects('', key, /^TLS_CERT_FILE and TLS_KEY_FILE must be set together/)
  rejects(cert, join(folder, 'secret-path'), /^TLS_KEY_FILE cannot be read \(ENOENT\)(?!.*secret)/)
  rejects(secret, key, /^TLS_CERT_FILE and TLS_KEY_FILE must be a certificate and its key.*\)$/)
  await writeFile(secret, '')
  rejects(cert, secret, /\(empty\)$/)
  rejects(cert, authority.key, /^TLS_CERT_FILE and TLS_KEY_FILE must be a certificate and its key, .*MISMATCH/)
  t.equal(createListenerTls(readConfig({}), silent), null)
})
