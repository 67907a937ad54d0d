import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { temporaryFolder, until } from '../helper.js'
import { endServer, freePort, startRedis, startServer, type RedisServer, type RedisSettings } from '../redis-server.js'

// Several redis-servers together: real Sentinels, or a real Cluster. They notice a dead master within about half a second.

const NOTICED_MS = '500'

/** A client for commands that an operator would send. */
export function admin (t: Test, { url }: { readonly url: string }): Redis {
  const redis = new Redis(url)
  redis.on('error', () => {}) // tests kill the server
  t.teardown(() => { redis.disconnect() })
  return redis
}

export interface Fleet {
  /** The value of REDIS_URL. */
  readonly url: string
  readonly master: RedisServer
  readonly replica: RedisServer
  /** Ends one of the three servers that lead to the master. */
  readonly loseOne: () => Promise<void>
}

async function startReplica (t: Test, master: RedisServer, settings: RedisSettings): Promise<RedisServer> {
  const replica = await startRedis(t, { ...settings, replicaof: `127.0.0.1 ${master.port}` })
  await until('the replica has all', async () => /master_link_status:up/.test(await admin(t, replica).info('replication')))
  return replica
}

/** A master with a replica, and three Sentinels. */
export async function startSentinels (t: Test, settings: RedisSettings): Promise<Fleet> {
  const quick = { ...settings, 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '1' }
  const master = await startRedis(t, quick)
  const replica = await startReplica(t, master, quick)
  const ports = await Promise.all([1, 2, 3].map(freePort))
  const sentinels = await Promise.all(ports.map(async (port) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, 'sentinel.conf') // Sentinel writes to it
    await writeFile(file, [
      `port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor main 127.0.0.1 ${master.port} 2`,
      `sentinel down-after-milliseconds main ${NOTICED_MS}`, 'sentinel failover-timeout main 3000', '',
    ].join('\n'))
    const sentinel = await startServer(t, [file, '--sentinel'], '+monitor master main')
    await admin(t, { url: `redis://127.0.0.1:${port}` }).call('SENTINEL', 'DEBUG', 'INFO-PERIOD', '300', 'PUBLISH-PERIOD', '200')
    return sentinel
  }))
  await until('they know each other and the replica', async () => {
    const known = await Promise.all(ports.map((port) => admin(t, { url: `redis://127.0.0.1:${port}` }).call('SENTINEL', 'MASTER', 'main')))
    return known.every((reply) => /num-slaves,1,num-other-sentinels,2/.test(String(reply)))
  })
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/main`,
    master,
    replica,
    loseOne: () => endServer(sentinels[0]!),
  }
}

/** Three masters with a third of the slots each, and a replica of the master that has our slot. */
export async function startCluster (t: Test, settings: RedisSettings): Promise<Fleet> {
  const start = async (more: RedisSettings = {}) => startRedis(t, {
    ...settings, 'cluster-enabled': 'yes', 'cluster-node-timeout': NOTICED_MS, 'cluster-port': String(await freePort()), 'repl-diskless-sync-delay': '0', ...more,
  })
  const masters = await Promise.all([start(), start(), start()])
  const replica = await start()
  const [first, ...others] = [...masters, replica].map((server) => admin(t, server))
  const ranges = [[0, 5460], [5461, 10922], [10923, 16383]] as const
  await Promise.all(ranges.map((range, i) => [first!, ...others][i]!.call('CLUSTER', 'ADDSLOTSRANGE', ...range)))
  for (const other of others) {
    const [address, bus] = String(await other.cluster('NODES')).split(/[ ,]/)[1]!.split('@')
    await first!.call('CLUSTER', 'MEET', '127.0.0.1', address!.split(':')[1]!, bus!)
  }
  const all = [first!, ...others]
  await until('they know each other', async () => (await Promise.all(all.map((node) => node.cluster('INFO'))))
    .every((info) => /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:4/.test(String(info))))
  const slot = Number(await first!.cluster('KEYSLOT', '{stopgate}'))
  const home = ranges.findIndex(([from, to]) => from <= slot && slot <= to)
  await others.at(-1)!.call('CLUSTER', 'REPLICATE', String(await all[home]!.call('CLUSTER', 'MYID')))
  await until('the replica has all', async () => /master_link_status:up/.test(await others.at(-1)!.info('replication')))
  const [elsewhere, another] = masters.filter((_, i) => i !== home)
  return {
    url: `redis+cluster://127.0.0.1:${elsewhere!.port},127.0.0.1:${another!.port},127.0.0.1:${masters[home]!.port}`,
    master: masters[home]!,
    replica,
    loseOne: async () => {}, // two masters are needed to promote the replica of ours
  }
}
