import { SLOTS_OF_CONTEXT } from '../../../core/learn/index.js'
import { SAVINGS_DAYS } from '../../../core/stats/index.js'

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

/**
 * KEYS: cursor, ledger, follow_up, contexts, pending, reservoir, cohorts.
 * ARGV: limit of rows that are returned at once, rows that a cohort counts as.
 * Returns cursor, ledger and follow_up of one moment; then 1 and the flat pairs of the four hashes, or, beyond the limit, 0 and their
 * fields.
 */
export const learned = `
local total = redis.call('HLEN', KEYS[7]) * ARGV[2]
for i = 4, 6 do
  total = total + redis.call('HLEN', KEYS[i])
end
local isAll = total <= tonumber(ARGV[1])
local command = isAll and 'HGETALL' or 'HKEYS'
return {
  redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3]), isAll and 1 or 0,
  redis.call(command, KEYS[4]), redis.call(command, KEYS[5]), redis.call(command, KEYS[6]), redis.call(command, KEYS[7])
}
`

/**
 * KEYS: lease, cursor, ledger, follow_up, version, changed, history, log; then the tables contexts, pending, cohorts, reservoir,
 * traces; then savings.
 * ARGV: token, from, to, first id to keep in the log, ledger ('' leaves it), follow_up, channel, history limit, counts of decisive keys and
 * of changes, for each table counts of rows and of deletions, count of days; then decisive keys, changes, for each table keys with
 * rows, and keys; then days with their sums.
 * Returns OK; or LEASE or CURSOR, having written nothing.
 */
export const commit = `
local lease = redis.call('GET', KEYS[1])
if not lease or string.match(lease, '^%d+') ~= ARGV[1] then       -- the lease expired, or a newer one was given
  return 'LEASE'
end
if (redis.call('GET', KEYS[2]) or '0-0') ~= ARGV[2] then          -- another learner has folded on
  return 'CURSOR'
end
redis.call('SET', KEYS[2], ARGV[3])                               -- the first write: if Redis refuses writes, it refuses this one
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[3], ARGV[5])
end
redis.call('SET', KEYS[4], ARGV[6])
local at = 22                                                     -- the next argument
local version = redis.call('GET', KEYS[5]) or '0'
if tonumber(ARGV[9]) > 0 then                                     -- some decision could differ: the version moves, and only then
  version = redis.call('INCR', KEYS[5])
  for _ = 1, ARGV[9] do
    redis.call('ZADD', KEYS[6], version, ARGV[at])
    at = at + 1
  end
  redis.call('PUBLISH', ARGV[7], version)
end
for _ = 1, ARGV[10] do
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[8], '*', 'change', ARGV[at], 'version', version)
  at = at + 1
end
local removed = {}
for i = 0, 4 do                                                   -- the tables
  local rows = KEYS[9 + i]
  for _ = 1, ARGV[11 + 2 * i] do                                  -- one by one: Lua can't unpack thousands
    redis.call('HSET', rows, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  for _ = 1, ARGV[12 + 2 * i] do
    redis.call('HDEL', rows, ARGV[at])
    if i == 0 then                                                -- contexts
      table.insert(removed, ARGV[at])
    end
    at = at + 1
  end
end
for _, context in ipairs(removed) do                              -- their traces
  local names = {}
  for slot = 0, ${SLOTS_OF_CONTEXT - 1} do
    names[slot + 1] = context .. ' ' .. slot
  end
  redis.call('HDEL', KEYS[13], unpack(names))
end
for _ = 1, ARGV[21] do                                            -- days that have ended
  if not redis.call('HGET', KEYS[14], ARGV[at]) then              -- a day ends once
    redis.call('HSET', KEYS[14], ARGV[at], ARGV[at + 1])
  end
  for _, day in ipairs(redis.call('HKEYS', KEYS[14])) do
    if tonumber(day) <= ARGV[at] - ${SAVINGS_DAYS} then
      redis.call('HDEL', KEYS[14], day)
    end
  end
  at = at + 2
end
redis.call('XTRIM', KEYS[8], 'MINID', '=', ARGV[4])               -- folded entries go, so the length of the log is the lag
return 'OK'
`

/**
 * KEYS: state_id, salt, version, policy_version, log, format, loss. ARGV: state id and salt to use if there are none.
 * Returns state id, salt, version, policy version, entries that wait, ms that the oldest of them has waited, format, the loss that
 * is not acknowledged ('' for none).
 */
export const revision = `
local function take(key, candidate)                               -- the value, set to the candidate if absent
  local value = redis.call('GET', key)
  if not value then                                               -- written only if absent: a full or read-only Redis still answers
    redis.call('SET', key, candidate)
    value = candidate
  end
  return value
end
local id = take(KEYS[1], ARGV[1])
local salt = take(KEYS[2], ARGV[2])
local oldest = redis.call('XRANGE', KEYS[5], '-', '+', 'COUNT', 1)[1]
local waited = 0
if oldest then
  local now = redis.call('TIME')                                  -- the clock that made the id
  waited = now[1] * 1000 + math.floor(now[2] / 1000) - string.match(oldest[1], '^%d+')
end
return {
  id, salt,
  redis.call('GET', KEYS[3]) or '0', redis.call('GET', KEYS[4]) or '0',
  redis.call('XLEN', KEYS[5]), math.max(0, waited), redis.call('GET', KEYS[6]) or '0',
  redis.call('GET', KEYS[7]) or ''
}
`

/** KEYS: replicas. ARGV: a configuration, ttl in ms. Returns all configurations that were announced and have not expired. */
export const announce = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], old)
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES') -- the key expires with its last member
redis.call('PEXPIRE', KEYS[1], last[2] - now)
return redis.call('ZRANGE', KEYS[1], 0, -1)
`
