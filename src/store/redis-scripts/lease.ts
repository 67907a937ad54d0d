/**
 * KEYS: lease, lease_token, format. ARGV: holder, ttl in ms, the format that the holder knows. Returns the token, or nil while another
 * holder's lease runs, or NEWER, and then has written nothing.
 */
export const acquireLease = `
local format = tonumber(redis.call('GET', KEYS[3]) or '0')
if format > tonumber(ARGV[3]) then
  return 'NEWER ' .. format
end
redis.call('SET', KEYS[3], ARGV[3])
local lease = redis.call('GET', KEYS[1])
if lease and string.match(lease, ' (.*)$') ~= ARGV[1] then        -- somebody else's
  if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then         -- the clock went back: who lives renews it, the dead don't keep it
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
  return false
end
local token = redis.call('INCR', KEYS[2])                         -- higher than all before it
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'PX', ARGV[2])
return token
`

/** KEYS: lease. ARGV: token, ttl in ms. Returns 1 if the lease was this token's and runs on. */
export const renewLease = `
local lease = redis.call('GET', KEYS[1])
if not lease or string.match(lease, '^%d+') ~= ARGV[1] then       -- expired, or a newer one
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`

/** KEYS: lease. ARGV: token. */
export const releaseLease = `
local lease = redis.call('GET', KEYS[1])
if lease and string.match(lease, '^%d+') == ARGV[1] then          -- never a newer one
  redis.call('DEL', KEYS[1])
end
return 1
`
