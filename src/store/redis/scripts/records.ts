/** For scripts whose first keys are the ids by age and their sizes. */
const dropRecord = `
local function drop(id, prefix)                                   -- removes the record of a generation
  if redis.call('ZREM', KEYS[1], id) == 0 then                    -- there is none: write nothing
    return
  end
  local bytes = redis.call('HGET', KEYS[2], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('HINCRBY', KEYS[2], '', -bytes)
  redis.call('UNLINK', prefix .. id)                              -- the hash tag puts it into the same slot
end
`

/**
 * KEYS: the ids by age, their sizes; then the list of each generation.
 * ARGV: ms to keep a record after its last text, most texts of a generation, most generations, most bytes, prefix of the lists' keys;
 * then for each generation its id, the number of texts and the texts. Returns how many texts were kept.
 */
export const record = `${dropRecord}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, 1000)
for _, id in ipairs(expired) do                                   -- their lists have expired by themselves
  drop(id, ARGV[5])
end
local kept = 0
local at = 6                                                      -- the next argument
for i = 3, #KEYS do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  local room = ARGV[2] - redis.call('LLEN', KEYS[i])
  local taken = math.max(0, math.min(count, room))
  local bytes = 0
  for j = 1, taken do
    bytes = bytes + #ARGV[at + 1 + j]
  end
  for j = 1, taken, 1000 do                                       -- in the caller's order, after the earlier texts
    redis.call('RPUSH', KEYS[i], unpack(ARGV, at + 1 + j, at + 1 + math.min(taken, j + 999)))
  end
  kept = kept + taken
  at = at + 2 + count
  redis.call('PEXPIRE', KEYS[i], ARGV[1])
  redis.call('ZADD', KEYS[1], now, id)
  redis.call('HINCRBY', KEYS[2], id, bytes)
  redis.call('HINCRBY', KEYS[2], '', bytes)
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])                           -- together with the last list
redis.call('PEXPIRE', KEYS[2], ARGV[1])
while redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[3]) or tonumber(redis.call('HGET', KEYS[2], '')) > tonumber(ARGV[4]) do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not oldest then                                              -- cannot happen: without records there are no bytes
    break
  end
  drop(oldest, ARGV[5])
end
return kept
`

/** KEYS: the list of each generation. Returns the texts of each. */
export const recorded = `
local records = {}
for i, list in ipairs(KEYS) do
  records[i] = redis.call('LRANGE', list, 0, -1)
end
return records
`

/** KEYS: records, record_bytes. ARGV: prefix of the lists' keys; then the id of each generation. */
export const forget = `${dropRecord}
for i = 2, #ARGV do
  drop(ARGV[i], ARGV[1])
end
return 1
`

/**
 * Appends a chunk of stops, and removes the oldest chunks that have expired or are too many.
 * KEYS: stops, stop_bytes. ARGV: the chunk, ms to keep one, most bytes of all.
 */
export const logStops = `
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[2]
redis.call('XADD', KEYS[1], '*', 'rows', ARGV[1])
local bytes = (redis.call('GET', KEYS[2]) or 0) + #ARGV[1]
for _ = 1, 16 do                                                  -- more than one chunk, which was added
  local chunk = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if not chunk or (bytes <= tonumber(ARGV[3]) and tonumber(string.match(chunk[1], '^%d+')) >= oldest) then
    break
  end
  redis.call('XDEL', KEYS[1], chunk[1])
  bytes = bytes - #chunk[2][2]
end
redis.call('SET', KEYS[2], bytes, 'PX', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
`
