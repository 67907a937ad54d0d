import t from 'tap'
import { redisAddress } from '../../../src/store/redis/redis-address.js'

t.test('the URL names a server, nodes of a Cluster or Sentinels', async (t) => {
  const hosts = [{ host: 'a', port: 7000 }, { host: 'b', port: 6379 }]
  t.same(redisAddress('redis://a:7000/2?family=6'),
    { url: 'redis://a:7000/2?family=6', hosts: [hosts[0]], isTls: false, isCluster: false, sentinel: null })
  t.same(redisAddress('rediss://me:p%40ss@[::1]'),
    { url: 'rediss://me:p%40ss@[::1]:6379/', hosts: [{ host: '::1', port: 6379 }], isTls: true, isCluster: false, sentinel: null })
  t.same(redisAddress('redis+cluster://:secret@a:7000,b'),
    { url: 'redis://:secret@a:7000/', hosts, isTls: false, isCluster: true, sentinel: null })
  t.same(redisAddress('rediss+sentinel://me:x@a:7000,[::2]/main/3?sentinel_password=p%20q'), {
    url: 'rediss://me:x@a:7000/3',
    hosts: [hosts[0], { host: '::2', port: 26379 }],
    isTls: true,
    isCluster: false,
    sentinel: { name: 'main', username: null, password: 'p q' },
  })
})

t.test('an invalid URL gives an error that shows no password', async (t) => {
  const bad: [string, RegExp][] = [
    ['http://:secret@a', /^is not of the form/],
    ['redis://', /^is not of the form/],
    ['redis://:secret@a,b', /^names several hosts: use redis\+cluster/],
    ['redis+sentinel://:secret@a,b', /^does not name the master/],
    ['redis+sentinel://a/main/x', /^names a database that is not a number/],
    ['redis+cluster://:secret@a,b/1', /^names a database, but a Cluster has only/],
    ['redis+cluster://:secret@a,,b', /^has a host/],
    ['redis://:secret@a:70000', /^has a host/],
    ['redis://:secret@a:b', /^has a host/],
    ['redis://secret/x@a', /^has \/ \? # or \\ before the @: percent-encode/],
    ['redis://:secret?x@a', /before the @: percent-encode/],
    ['redis+cluster://me:secret#x@a,b', /before the @: percent-encode/],
    ['redis+sentinel://me:x\\secret@a/main', /before the @: percent-encode/],
    ['redis://:x@secret@a', /^is not of the form.*percent-encode/],
  ]
  for (const [text, message] of bad) {
    t.throws(() => redisAddress(text), { message }, text)
    try { redisAddress(text) } catch (error) { t.notMatch((error as Error).message, 'secret') }
  }
})
