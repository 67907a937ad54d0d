import type { RedisConnection } from './redis-connection.js'

/** Warnings about settings of the server that put acknowledged outcomes at risk, each with the remedy. */
export async function redisWarnings (connection: RedisConnection): Promise<string[]> {
  const settings = await connection.run(async (redis) => {
    const names = ['appendonly', 'appendfsync', 'maxmemory-policy']
    const replies = await Promise.allSettled(names.map((name) => redis.call('CONFIG', 'GET', name) as Promise<string[]>))
    return replies.map((reply) => {
      if (reply.status === 'fulfilled') return reply.value[1]
      if (reply.reason.name !== 'ReplyError') throw reply.reason
      return undefined // a managed server, or a user without access
    })
  })
  const [appendonly, appendfsync, evicts] = settings
  if (settings.includes(undefined)) {
    return ['Redis does not tell its settings (CONFIG GET): make sure of `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`.']
  }
  const warnings: string[] = []
  if (appendonly !== 'yes') {
    warnings.push('Redis keeps no append-only file, so a crash loses outcomes that were acknowledged: set `appendonly yes` and `appendfsync always`.')
  } else if (appendfsync !== 'always') {
    warnings.push(`Redis acknowledges before its append-only file is on disk (\`appendfsync ${appendfsync}\`), so a crash loses the last outcomes: set \`appendfsync always\`.`)
  }
  if (evicts !== 'noeviction') {
    warnings.push(`Redis may drop what was learned when its memory is full (\`maxmemory-policy ${evicts}\`): set \`maxmemory-policy noeviction\`.`)
  }
  return warnings
}
