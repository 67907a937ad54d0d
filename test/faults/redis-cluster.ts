import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Redis } from 'ioredis'
import type { Test } from 'tap'
import { until } from '../helper.js'
import { freePort, startRedis, type RedisServer, type RedisSettings } from '../redis-server.js'
import { admin } from './redis-fleet.js'

/** A real Cluster, as `redis-cli --cluster create` makes it: three masters with a third of the slots each. */
export interface Cluster {
  /** The value of REDIS_URL. */
  readonly url: string
  /** The three masters, and behind them their replicas. */
  readonly servers: readonly RedisServer[]
  readonly clients: readonly Redis[]
  /** The master that has the slot of a key, now. */
  readonly homeOf: (key: string) => Promise<RedisServer>
}

const MASTERS = 3

/** @param replicas replicas of each master */
export async function startWholeCluster (t: Test, settings: RedisSettings, replicas: 0 | 1): Promise<Cluster> {
  const started = Array.from({ length: MASTERS * (1 + replicas) }, async () => {
    const bus = await freePort()
    const server = await startRedis(t, { 'cluster-enabled': 'yes', 'cluster-node-timeout': '500', 'cluster-port': String(bus), 'repl-diskless-sync-delay': '0', ...settings })
    return { server, bus }
  })
  const nodes = await Promise.all(started)
  const servers = nodes.map(({ server }) => server)
  const clients = servers.map((server) => admin(t, server))
  const addresses = nodes.map(({ server, bus }) => `127.0.0.1:${server.port}@${bus}`)
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', String(replicas), '--cluster-yes'])
  await until('all know each other', async () => {
    const infos = await Promise.all(clients.map((client) => client.cluster('INFO')))
    return infos.every((info) => /cluster_state:ok/.test(String(info)) && String(info).includes(`cluster_known_nodes:${servers.length}`))
  })
  for (const client of clients.slice(MASTERS)) await until('the replica has all', async () => /master_link_status:up/.test(await client.info('replication')))
  return {
    url: `redis+cluster://${servers.slice(0, MASTERS).map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    servers,
    clients,
    async homeOf (key) {
      const isHome = await Promise.all(clients.map(async (client) => /role:master/.test(await client.info('replication').catch(() => '')) &&
        await client.exists(key).then(() => true, () => false)))
      return servers[isHome.indexOf(true)]!
    },
  }
}
