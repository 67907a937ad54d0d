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
 * traces.
 * ARGV: token, from, to, first id to keep in the log, ledger ('' leaves it), follow_up, channel, history limit, counts of decisive keys and
 * of changes, for each table counts of rows and of deletions; then decisive keys, changes, and for each table keys with rows, and keys.
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
local at = 21                                                     -- the next argument
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
for i = 0, 4 do                                                   -- the tables
  local table = KEYS[9 + i]
  for _ = 1, ARGV[11 + 2 * i] do                                  -- one by one: Lua can't unpack thousands
    redis.call('HSET', table, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  for _ = 1, ARGV[12 + 2 * i] do
    redis.call('HDEL', table, ARGV[at])
    at = at + 1
  end
end
redis.call('XTRIM', KEYS[8], 'MINID', '=', ARGV[4])               -- folded entries go, so the length of the log is the lag
return 'OK'
`

/**
 * KEYS: state_id, salt, version, policy_version, log, format. ARGV: state id and salt to use if there are none.
 * Returns state id, salt, version, policy version, entries that wait, ms that the oldest of them has waited, format.
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
  redis.call('XLEN', KEYS[5]), math.max(0, waited), redis.call('GET', KEYS[6]) or '0'
}
`

/** KEYS: log. ARGV: cursor, most entries, most bytes. Returns the entries after the cursor in the form of XRANGE, up to the limits. */
export const read = `
local entries, bytes, after = {}, 0, '(' .. ARGV[1]
while #entries < tonumber(ARGV[2]) do
  local page = redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', math.min(16, ARGV[2] - #entries))
  for _, entry in ipairs(page) do
    entries[#entries + 1] = entry
    bytes = bytes + #entry[2][2]
    if bytes >= tonumber(ARGV[3]) then
      return entries
    end
  end
  if #page < 16 then                                              -- the end of the log
    break
  end
  after = '(' .. page[16][1]
end
return entries
`
