/**
 * KEYS: lease, lease_token, format. ARGV: holder, ttl in ms, the format that the holder reads. Returns the token; nil while another
 * holder's lease runs; or NEWER and the format, having written nothing.
 */
export const acquireLease = `
local format = tonumber(redis.call('GET', KEYS[3]) or '0')
if format > tonumber(ARGV[3]) then
  return 'NEWER ' .. format
end
redis.call('SET', KEYS[3], ARGV[3])
local lease = redis.call('GET', KEYS[1])
if lease and string.match(lease, ' (.*)$') ~= ARGV[1] then        -- another holder's
  if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then         -- the clock went back: shorten the lease, and its holder renews it
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
  return false
end
local token = redis.call('INCR', KEYS[2])                         -- higher than all earlier tokens
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'PX', ARGV[2])
return token
`

/** KEYS: lease. ARGV: token, ttl in ms. Returns 1 if the lease is this token's and was renewed. */
export const renewLease = `
local lease = redis.call('GET', KEYS[1])
if not lease or string.match(lease, '^%d+') ~= ARGV[1] then       -- expired, or another token's
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`

/** KEYS: lease. ARGV: token. */
export const releaseLease = `
local lease = redis.call('GET', KEYS[1])
if lease and string.match(lease, '^%d+') == ARGV[1] then          -- never that of a newer token
  redis.call('DEL', KEYS[1])
end
return 1
`
