/** The newest value of an id in the buckets, newest first. For scripts that know the number of the bucket that takes ids. */
export const recentValue = `
local function recentValue(buckets, number, id)
  for age = 0, 2 do
    local value = redis.call('HGET', buckets[(number - age) % 3 + 1], id)
    if value then
      return value
    end
  end
  return false
end
`

/** Number of the bucket that takes ids. KEYS as the script says. */
export const bucketNumber = (key: string): string => `tonumber(string.match(redis.call('GET', ${key}) or '0', '^%d+'))`

/**
 * KEYS: state_id, recent_at. ARGV: state id to use if there is none. Returns the fence, which is the beginning of the state id and the
 * number of the bucket that takes ids, and for how many ms that bucket has taken them (less than 0 if the clock was set back).
 */
export const fence = `
local id = redis.call('GET', KEYS[1])
if not id then                                                    -- written only if absent: a full or read-only Redis still answers
  redis.call('SET', KEYS[1], ARGV[1])
  id = ARGV[1]
end
local time = redis.call('TIME')
local since = tonumber(string.match(redis.call('GET', KEYS[2]) or '', ' (%d+)$') or 0)
return { string.sub(id, 1, 8) .. ' ' .. ${bucketNumber('KEYS[2]')}, time[1] * 1000 + math.floor(time[2] / 1000) - since }
`

/** KEYS: state_id, recent_at, the three buckets. ARGV: ids. Returns the beginning of the state id, and the ids' values in the buckets. */
export const recent = `${recentValue}
local number = ${bucketNumber('KEYS[2]')}
local buckets = { KEYS[3], KEYS[4], KEYS[5] }
local values = {}
for i, id in ipairs(ARGV) do
  values[i] = recentValue(buckets, number, id)
end
return { string.sub(redis.call('GET', KEYS[1]) or '', 1, 8), values }
`

/**
 * Lets the next bucket take ids, in place of the oldest one.
 * KEYS: state_id, recent_at, the three buckets. ARGV: the fence that the mover has read, ms that a bucket takes ids at least.
 */
export const rotate = `
local number = ${bucketNumber('KEYS[2]')}
if ARGV[1] ~= string.sub(redis.call('GET', KEYS[1]) or '', 1, 8) .. ' ' .. number then
  return 0                                                        -- another mover was faster, or the state was replaced
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(string.match(redis.call('GET', KEYS[2]) or '', ' (%d+)$') or 0)
if now - since < tonumber(ARGV[2]) and now >= since then
  return 0
end
redis.call('SET', KEYS[2], string.format('%d %d', number + 1, now))
redis.call('UNLINK', KEYS[(number + 1) % 3 + 3])
return 1
`

/**
 * Remembers ids in a partition. A known id stays if it is newer: calls may come twice and in any order.
 * KEYS: the seen key of each id. ARGV: dedup time in ms; the value of each.
 */
export const remember = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i, key in ipairs(KEYS) do
  local ms, waits = string.match(ARGV[i + 1], '^(%d+) (%d) ')
  local left = tonumber(ms) + ARGV[1] - now
  local known = tonumber(string.match(redis.call('GET', key) or '', '^(%d+) ') or -1)
  if left > 0 and (tonumber(ms) > known or tonumber(ms) == known and waits == '0') then
    redis.call('SET', key, ARGV[i + 1], 'PX', string.format('%d', left))
  end
end
return 1
`
