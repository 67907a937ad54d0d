import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createStore } from '../../../src/store/open/create-store.js'
import { readRedisTls, type RedisTlsFiles } from '../../../src/store/redis/redis-address.js'
import { temporaryFolder, until } from '../../helper.js'
import { freePort, startRedis, startServer, withoutRedis } from '../../redis-server.js'
import { makeAuthority, withoutOpenssl, type CertificateFiles } from '../../tls-certificates.js'
import { outcomes } from '../fixtures.js'

import t, { type Test } from 'tap'

const skip = withoutRedis || withoutOpenssl

/** Settings of a server that accepts only TLS. */
function shows ({ cert, key }: CertificateFiles, authority: CertificateFiles) {
  return { port: '0', 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': authority.cert }
}

async function openStore (t: Test, redisUrl: string, more: RedisTlsFiles & { readonly waitReplicas?: number }) {
  const store = await createStore({ redisUrl, dataDir: '', redisTimeoutMs: 1000, ...more })
  t.teardown(() => store.close())
  return store
}

t.test('TLS with a client certificate and a password works', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const authority = makeAuthority(folder)
  const [server, client, strangers] = [authority.issue('server'), authority.issue('client'), makeAuthority(await temporaryFolder(t))]
  const port = await freePort()
  await startRedis(t, {
    ...shows(server, authority), 'tls-port': String(port), requirepass: 'pass',
  })
  const own = { redisCaFile: authority.cert, redisCertFile: client.cert, redisKeyFile: client.key }
  const open = async (files: object, scheme = 'rediss') => {
    return openStore(t, `${scheme}://:pass@127.0.0.1:${port}`, files)
  }
  const store = await open(own)
  t.equal(store.isUp(), true)
  t.same(await store.append(outcomes('a', 'b')), ['accepted', 'accepted'])
  t.equal((await store.read('0-0', 10, 0)).length, 2)
  const notice = new Promise<void>((resolve) => { store.onNotice(() => resolve()) })
  await (await open(own)).append([{ type: 'policy', key: '*', policy: { mode: 'off' }, by: 'ops' }])
  await notice

  for (const [what, files, scheme] of [
    ['another authority signed it', { ...own, redisCaFile: strangers.cert }],
    ['no authority is named', { redisCertFile: client.cert, redisKeyFile: client.key }],
    ['no certificate of ours', { redisCaFile: authority.cert }],
    ['no TLS', {}, 'redis'],
  ] as const) {
    const refused = await open(files, scheme)
    t.equal(refused.isUp(), false, what)
    await t.rejects(refused.append(outcomes('c')), { name: 'StoreUnavailableError', message: /^(?!.*pass)/ }, what)
  }
  await until('it is still up', () => store.isUp())
})

t.test('Sentinels, other nodes of a Cluster and replicas are reached with the same TLS files', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const authority = makeAuthority(folder)
  const own = { redisCaFile: authority.cert, redisCertFile: authority.issue('client').cert, redisKeyFile: join(folder, 'client.key') }
  const settings = shows(authority.issue('server'), authority)
  const [port, asked, nobody] = await Promise.all([freePort(), freePort(), freePort()])
  await startRedis(t, { ...settings, 'tls-port': String(port) })
  const file = join(folder, 'sentinel.conf')
  const lines = Object.entries({ ...settings, 'tls-port': asked, 'tls-replication': 'yes', bind: '127.0.0.1', dir: folder }).map((pair) => pair.join(' '))
  await writeFile(file, [...lines, `sentinel monitor main 127.0.0.1 ${port} 1`, ''].join('\n'))
  await startServer(t, [file, '--sentinel'], '+monitor master main')

  const store = await openStore(t, `rediss+sentinel://127.0.0.1:${asked}/main`, own)
  t.same(await store.append(outcomes('a')), ['accepted'])
  const moved = await openStore(t, `rediss+cluster://127.0.0.1:${nobody},127.0.0.1:${port}`, own)
  await until('the next node is reached', () => moved.isUp())
  t.same(await moved.append(outcomes('b')), ['accepted'])
  const careful = await openStore(t, `rediss://127.0.0.1:${port}`, { ...own, waitReplicas: 1 })
  await t.rejects(careful.append(outcomes('a')), { message: /only 0 of 1 replicas/ }, 'the connection that waits for replicas works over TLS')
  const unknown = await openStore(t, `rediss+sentinel://127.0.0.1:${asked}/main`, { ...own, redisCaFile: '' })
  await t.rejects(unknown.append(outcomes('b')), { name: 'StoreUnavailableError' })
})

t.test('a redirection in a Cluster is followed over TLS', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const authority = makeAuthority(folder)
  const own = { redisCaFile: authority.cert, redisCertFile: authority.issue('client').cert, redisKeyFile: join(folder, 'client.key') }
  const settings = shows(authority.issue('server'), authority)
  const nodes = await Promise.all([1, 2, 3].map(async () => {
    const [port, bus] = await Promise.all([freePort(), freePort()])
    await startRedis(t, {
      ...settings, 'tls-port': String(port), 'cluster-port': String(bus), 'cluster-enabled': 'yes', 'tls-cluster': 'yes', 'tls-replication': 'yes',
    })
    const redis = new Redis(port, '127.0.0.1', { tls: readRedisTls(own) })
    t.teardown(() => { redis.disconnect() })
    return { port, bus, redis }
  }))
  const ranges = [[0, 5460], [5461, 10922], [10923, 16383]] as const
  await Promise.all(nodes.map(({ redis }, i) => redis.call('CLUSTER', 'ADDSLOTSRANGE', ...ranges[i]!)))
  for (const { port, bus } of nodes.slice(1)) await nodes[0]!.redis.call('CLUSTER', 'MEET', '127.0.0.1', port, bus)
  await until('they know each other', async () => (await Promise.all(nodes.map(({ redis }) => redis.cluster('INFO'))))
    .every((info) => /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:3/.test(String(info))))
  const slot = Number(await nodes[0]!.redis.cluster('KEYSLOT', '{stopgate}'))
  const home = ranges.findIndex(([from, to]) => from <= slot && slot <= to)
  for (const { port } of nodes.filter((_, i) => i !== home)) { // the URL names only a node that has none of our keys
    const store = await openStore(t, `rediss+cluster://127.0.0.1:${port}`, own)
    await until('ours is found', async () => { await store.append(outcomes('a')).catch(() => {}); return store.isUp() })
    t.same(await store.append(outcomes('a', `of ${port}`)), ['duplicate', 'accepted'])
    const notice = new Promise<void>((resolve) => { store.onNotice((isRegained) => { if (!isRegained) resolve() }) })
    await store.append([{ type: 'policy', key: '*', policy: { mode: 'off' }, by: 'ops' }])
    await notice
  }
  t.equal(await nodes[home]!.redis.exists('{stopgate}:log'), 1)
})

t.test('an unusable TLS file gives an error that names its setting', { skip }, async (t) => {
  const folder = await temporaryFolder(t)
  const { cert, issue } = makeAuthority(folder)
  const client = issue('client')
  const empty = join(folder, 'empty')
  await writeFile(empty, 'secret')
  await copyFile(client.key, join(folder, 'other.key'))
  t.same(readRedisTls({}), {})
  t.same(Object.keys(readRedisTls({ redisCaFile: cert, redisCertFile: client.cert, redisKeyFile: client.key })), ['ca', 'cert', 'key'])
  t.throws(() => readRedisTls({ redisCaFile: join(folder, 'secret') }), { message: /^REDIS_CA_FILE cannot be read \(ENOENT\)(?!.*secret)/ })
  t.throws(() => readRedisTls({ redisCertFile: empty }), { message: /^REDIS_CERT_FILE is not a PEM file(?!.*secret)/ })
  const mismatched = { redisCertFile: cert, redisKeyFile: client.key }
  t.throws(() => readRedisTls(mismatched), { message: /^REDIS_CA_FILE, REDIS_CERT_FILE and REDIS_KEY_FILE cannot be used.*MISMATCH/ })
})
