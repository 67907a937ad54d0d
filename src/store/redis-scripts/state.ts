/**
 * KEYS: the twelve of STATE_KEYS; salt, version, policy_version, cursor, ledger, format.
 * Returns the time in ms, the newest id of the log, the six values, the eight hashes and the sorted set as flat pairs, and the three
 * streams, all of one moment. Returns AGAIN if an entry was appended in this millisecond, so that the time separates earlier from later
 * entries.
 */
export const exportState = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = '0-0'
local info = redis.pcall('XINFO', 'STREAM', KEYS[10])             -- an error if there is no log yet
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    last = info[i + 1]
  end
end
if tonumber(string.match(last, '^%d+')) >= now then
  return 'AGAIN'
end
local values = {}
for i = 13, 18 do
  values[i - 12] = redis.call('GET', KEYS[i])
end
local tables = {}
for i = 1, 8 do
  tables[i] = redis.call('HGETALL', KEYS[i])
end
tables[9] = redis.call('ZRANGE', KEYS[9], 0, -1, 'WITHSCORES')
local streams = {}
for i = 10, 12 do
  streams[i - 9] = redis.call('XRANGE', KEYS[i], '-', '+')
end
return { now, last, values, tables, streams }
`

/**
 * KEYS: the twelve of STATE_KEYS; the thirteen of STAGED; salt, version, policy_version, cursor, ledger, state_id, lease, records,
 * record_bytes, format.
 * ARGV: 1 to replace what there is, prefixes of the seen keys and of the lists of steps, dedup time in ms, channel; salt, version, policy
 * version, cursor, ledger ('' for none), state id; the expected sizes of STAGED; the format of the rows.
 * Returns OK; or NEWER and the format, TAKEN or TORN, having written nothing.
 */
export const importState = `
local function size(key)
  local type = redis.call('TYPE', key).ok
  local command = { hash = 'HLEN', zset = 'ZCARD', stream = 'XLEN' }
  return command[type] and redis.call(command[type], key) or 0
end
local format = redis.call('GET', KEYS[35]) or '0'
if tonumber(format) > tonumber(ARGV[25]) then
  return 'NEWER ' .. format
end
for i = 1, 12 do
  if ARGV[1] ~= '1' and i ~= 9 and i ~= 11 and i ~= 12 and size(KEYS[i]) > 0 then
    return 'TAKEN'                                                -- changed, history and audit do not count as a state
  end
end
for i = 1, 13 do
  if size(KEYS[12 + i]) ~= tonumber(ARGV[11 + i]) then
    return 'TORN'
  end
end
redis.call('SET', KEYS[31], ARGV[11])                             -- the first write: if Redis refuses writes, it refuses this one
for i = 1, 12 do
  redis.call('UNLINK', KEYS[i])
  if redis.call('EXISTS', KEYS[12 + i]) == 1 then
    redis.call('RENAME', KEYS[12 + i], KEYS[i])
  end
end
for i, prefix in ipairs({ ARGV[2], ARGV[3] }) do                  -- remembered ids and recorded steps of the old state
  local place = '0'
  repeat
    local page = redis.call('SCAN', place, 'MATCH', prefix .. '*', 'COUNT', 1000)
    place = page[1]
    for _, key in ipairs(page[2]) do
      redis.call('UNLINK', key)
    end
  until place == '0'
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen = redis.call('HGETALL', KEYS[25])
for i = 1, #seen, 2 do
  local left = string.match(seen[i + 1], '^%d+') + ARGV[4] - now
  if left > 0 then
    redis.call('SET', ARGV[2] .. seen[i], seen[i + 1], 'PX', string.format('%d', left))
  end
end
redis.call('UNLINK', KEYS[25], KEYS[32], KEYS[33], KEYS[34])      -- without its lease an earlier learner commits nothing
for i = 1, 4 do
  redis.call('SET', KEYS[25 + i], ARGV[5 + i])
end
if ARGV[10] == '' then
  redis.call('DEL', KEYS[30])
else
  redis.call('SET', KEYS[30], ARGV[10])
end
redis.call('SET', KEYS[35], ARGV[25])
redis.call('PUBLISH', ARGV[5], ARGV[7])
return 'OK'
`
