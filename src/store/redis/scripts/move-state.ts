/**
 * KEYS: the fourteen of STATE_KEYS; salt, version, policy_version, cursor, ledger, follow_up, format, state_id.
 * Returns the time in ms, the newest id of the log, the eight values, the ten hashes and the sorted set as flat pairs, and the three
 * streams; all of one moment. Returns AGAIN if an entry was appended in this millisecond, so that the time separates earlier from later
 * entries.
 */
export const exportStateScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = '0-0'
local info = redis.pcall('XINFO', 'STREAM', KEYS[12])             -- an error if there is no log yet
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    last = info[i + 1]
  end
end
if tonumber(string.match(last, '^%d+')) >= now then
  return 'AGAIN'
end
local values = {}
for i = 15, 22 do
  values[i - 14] = redis.call('GET', KEYS[i])
end
local tables = {}
for i = 1, 10 do
  tables[i] = redis.call('HGETALL', KEYS[i])
end
tables[11] = redis.call('ZRANGE', KEYS[11], 0, -1, 'WITHSCORES')
local streams = {}
for i = 12, 14 do
  streams[i - 11] = redis.call('XRANGE', KEYS[i], '-', '+')
end
return { now, last, values, tables, streams }
`

/**
 * KEYS: the fourteen of STATE_KEYS; the fifteen of STAGED; salt, version, policy_version, cursor, ledger, follow_up, state_id, lease,
 * format; recent_at and the three buckets; savings, and where they are staged.
 * ARGV: 1 to replace what there is, prefix of the seen keys, dedup time in ms, channel; salt, version, policy
 * version, cursor, ledger and follow_up ('' for none), state id; the expected sizes of STAGED; the format of the rows; 1 if
 * ids are remembered in partitions; the expected number of days of savings.
 * Returns OK; or NEWER and the format, TAKEN or TORN, having written nothing.
 */
export const importStateScript = `
local function size(key)
  local type = redis.call('TYPE', key).ok
  local command = { hash = 'HLEN', zset = 'ZCARD', stream = 'XLEN' }
  return command[type] and redis.call(command[type], key) or 0
end
local format = redis.call('GET', KEYS[38]) or '0'
if tonumber(format) > tonumber(ARGV[27]) then
  return 'NEWER ' .. format
end
for i = 1, 14 do
  if ARGV[1] ~= '1' and i ~= 11 and i ~= 13 and i ~= 14 and size(KEYS[i]) > 0 then
    return 'TAKEN'                                                -- changed, history and audit do not count as a state
  end
end
for i = 1, 15 do
  if size(KEYS[14 + i]) ~= tonumber(ARGV[11 + i]) then
    return 'TORN'
  end
end
if size(KEYS[44]) ~= tonumber(ARGV[29]) then
  return 'TORN'
end
redis.call('SET', KEYS[36], ARGV[11])                             -- the first write: if Redis refuses writes, it refuses this one
for i = 1, 14 do
  redis.call('UNLINK', KEYS[i])
  if redis.call('EXISTS', KEYS[14 + i]) == 1 then
    redis.call('RENAME', KEYS[14 + i], KEYS[i])
  end
end
redis.call('UNLINK', KEYS[43])
if redis.call('EXISTS', KEYS[44]) == 1 then
  redis.call('RENAME', KEYS[44], KEYS[43])
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('UNLINK', KEYS[39], KEYS[40], KEYS[41], KEYS[42])
if ARGV[28] == '1' then                                           -- as a bucket that is to be moved; the new state id forgets all others
  if redis.call('EXISTS', KEYS[29]) == 1 then
    redis.call('RENAME', KEYS[29], KEYS[40])
  end
  redis.call('SET', KEYS[39], string.format('1 %d', now))
else
  local place = '0'
  repeat                                                          -- remembered ids of the old state
    local page = redis.call('SCAN', place, 'MATCH', ARGV[2] .. '*', 'COUNT', 1000)
    place = page[1]
    for _, key in ipairs(page[2]) do
      redis.call('UNLINK', key)
    end
  until place == '0'
  local seen = redis.call('HGETALL', KEYS[29])
  for i = 1, #seen, 2 do
    local left = string.match(seen[i + 1], '^%d+') + ARGV[3] - now
    if left > 0 then
      redis.call('SET', ARGV[2] .. seen[i], seen[i + 1], 'PX', string.format('%d', left))
    end
  end
end
redis.call('UNLINK', KEYS[29], KEYS[37])      -- without its lease an earlier learner commits nothing
for i = 1, 6 do
  if ARGV[4 + i] == '' then
    redis.call('DEL', KEYS[29 + i])
  else
    redis.call('SET', KEYS[29 + i], ARGV[4 + i])
  end
end
redis.call('SET', KEYS[38], ARGV[27])
redis.call('PUBLISH', ARGV[4], ARGV[6])
return 'OK'
`
