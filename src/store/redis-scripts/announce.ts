/** KEYS: replicas. ARGV: a configuration, ttl in ms. Returns all configurations that were announced and have not expired. */
export const announce = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], old)
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES') -- the key expires with the one that expires last
redis.call('PEXPIRE', KEYS[1], last[2] - now)
return redis.call('ZRANGE', KEYS[1], 0, -1)
`
