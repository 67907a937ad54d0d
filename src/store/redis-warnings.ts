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
    return ['The settings of Redis cannot be read (CONFIG GET): make sure that it has `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`.']
  }
  const warnings: string[] = []
  if (appendonly !== 'yes') {
    warnings.push('Redis has no append-only file, so a crash loses acknowledged outcomes: set `appendonly yes` and `appendfsync always`.')
  } else if (appendfsync !== 'always') {
    warnings.push(`Redis acknowledges writes before they are on disk (\`appendfsync ${appendfsync}\`), so a crash loses the last outcomes: set \`appendfsync always\`.`)
  }
  if (evicts !== 'noeviction') {
    warnings.push(`Redis may evict learned state when its memory is full (\`maxmemory-policy ${evicts}\`): set \`maxmemory-policy noeviction\`.`)
  }
  return warnings
}

/** @param refusal why Redis refuses writes; `null`: it does not */
export function refusalWarnings (refusal: string | null): string[] {
  return refusal === null
    ? []
    : [`Redis refuses writes, so outcomes get 503 and nothing is learned; decisions continue with the last model. Mend the cause, often too little memory or disk space: ${refusal}`]
}
