import { bucketNumber, recentValue } from './remembered.js'

/** Number of ids in a bucket, of some 250 bytes each, from which on no more are taken: they cannot be moved to the partitions. */
const BUCKET_IDS = 2_000_000

/** How a script that appends finds and keeps the memory of an id, in the Lua functions \`recall\` and \`keep\`. */
interface Memory {
  /** Number of the arguments before those of the entries, and number of the arguments of each. */
  readonly head: number
  readonly width: number
  /** Number of the keys before those of the entries. */
  readonly keys: number
  readonly lua: string
}

/**
 * KEYS: log, version, policy_version, changed, audit, predictors_at; those of the memory; then one for each entry: the seen key of an
 * outcome or label, the table of a policy, pin or predictor, the loss that is acknowledged, otherwise the log.
 * ARGV: dedup time in s, bound of the log's length, policy version that must stand ('' for any), channel, audit limit; those of the memory;
 * then for each entry: kind, table field or what the outcome has or the label needs (see awaits), table value ('' deletes),
 * entry, command for the audit trail ('' for none); and those of the memory.
 * Returns the result for each entry; or CONFLICT or FULL, having written nothing.
 */
const appending = ({ head, width, keys, lua }: Memory): string => `
if ARGV[3] ~= '' and (redis.call('GET', KEYS[3]) or '0') ~= ARGV[3] then
  return 'CONFLICT'
end
local reports = 0                                                 -- entries of traffic; other entries always pass
for i = ${head + 1}, #ARGV, ${width} do
  if ARGV[i] == 'outcome' or ARGV[i] == 'label' or ARGV[i] == 'enrolment' or ARGV[i] == 'refused_stops' then
    reports = reports + 1
  end
end
if reports > 0 and redis.call('XLEN', KEYS[1]) + reports > tonumber(ARGV[2]) then
  return 'FULL'
end
${lua}
local function label(seen, needs)                                 -- result for a label, given the value of its seen key
  if not seen then
    return 'unknown'
  end
  local waits, steps = string.match(seen, '^%d+ (%d) (%d+)$')
  if waits == '0' then
    return 'duplicate'
  end
  local answer, compared = string.match(needs, '^(%d) (%-?%d+)$')
  if waits == '1' and answer == '1' then                          -- a reference has nothing to grade
    return 'unanswered'
  end
  return (compared == '-1' or compared == steps) and 'accepted' or 'mismatched'
end
local appended = {}                                               -- the reply
local audited = {}                                                -- command, the value it replaced
local written = nil                                               -- the entry that wrote a predictor
local version = nil                                               -- the new one, once a table was written
for i = 1, (#ARGV - ${head}) / ${width} do                                     -- in the caller's order
  local at = ${head} + (i - 1) * ${width}                                      -- the entry's arguments follow this one
  local kind, entry = ARGV[at + 1], ARGV[at + 4]
  local result = 'accepted'
  if kind == 'outcome' and recall(i, at) then
    result = 'duplicate'                                          -- also within one call, since the key is set at once
  elseif kind == 'label' then
    local seen = recall(i, at)
    result = label(seen, ARGV[at + 2])
    if result == 'accepted' then                                  -- the outcome waits no longer; its expiry stays
      keep(i, at, (string.gsub(seen, ' %d ', ' 0 ')), 'KEEPTTL')
    end
  end
  if result == 'accepted' then
    local id = redis.call('XADD', KEYS[1], '*', 'entry', entry)   -- XADD continues from the last id of the stream
    if kind == 'outcome' then
      keep(i, at, string.match(id, '^%d+') .. ' ' .. ARGV[at + 2], 'EX', ARGV[1])
    end
    local replaced = 'null'
    if kind == 'policy' or kind == 'pin' then
      replaced = redis.call('HGET', KEYS[${keys} + i], ARGV[at + 2]) or 'null'
    end
    if kind == 'policy' or kind == 'pin' or kind == 'predictor' then
      if ARGV[at + 3] == '' then
        redis.call('HDEL', KEYS[${keys} + i], ARGV[at + 2])
      else
        redis.call('HSET', KEYS[${keys} + i], ARGV[at + 2], ARGV[at + 3])
      end
      version = version or redis.call('INCR', KEYS[2])            -- one move of the version for the whole call
      if kind == 'predictor' then
        written = id
      else                                                        -- the name of a predictor is not a context key
        redis.call('ZADD', KEYS[4], version, ARGV[at + 2])        -- this key changed with it
      end
    end
    if kind == 'acknowledgement' then
      redis.call('DEL', KEYS[${keys} + i])
    end
    if ARGV[at + 5] ~= '' then
      audited[#audited + 1] = { ARGV[at + 5], replaced }
    end
  end
  appended[i] = result
end
for _, row in ipairs(audited) do
  redis.call('XADD', KEYS[5], 'MAXLEN', '=', ARGV[5], '*',
    'entry', row[1], 'version', version or redis.call('GET', KEYS[2]) or '0', 'replaced', row[2])
end
if version then
  if written then
    redis.call('SET', KEYS[6], written)                           -- replicas reload predictors; no id of the log is given twice
  end
  redis.call('SET', KEYS[3], version)                             -- replicas reload policies, pins and predictors from here
  redis.call('PUBLISH', ARGV[4], version)
end
return appended
`

/** The memory of an id is its seen key, which the script reaches. */
export const appendScript = appending({
  head: 5,
  width: 5,
  keys: 6,
  lua: `local function recall(i)
  return redis.call('GET', KEYS[6 + i])
end
local function keep(i, _, value, ...)                             -- and how it expires
  redis.call('SET', KEYS[6 + i], value, ...)
end`,
})

/**
 * The memory of ids is in the buckets beside the log and in the partitions (see RememberedIds).
 * KEYS of the memory: state_id, recent_at, the three buckets. ARGV of the memory: the fence ('' without outcomes and labels); for each
 * entry its id, and the value that the partitions have ('' for none).
 * Returns also, having written nothing, CROWDED, or FENCE and the fence of now.
 */
export const appendFenced = appending({
  head: 6,
  width: 7,
  keys: 11,
  lua: `${recentValue}
local number = ${bucketNumber('KEYS[8]')}
local buckets = { KEYS[9], KEYS[10], KEYS[11] }
local taking = buckets[number % 3 + 1]
if ARGV[6] ~= '' then
  local state = string.sub(redis.call('GET', KEYS[7]) or '', 1, 8)
  local known, since = string.match(ARGV[6], '^(.*) (%d+)$')
  if known ~= state or number ~= tonumber(since) and number ~= since + 1 then
    return 'FENCE ' .. state .. ' ' .. number
  end
  if redis.call('HLEN', taking) > ${BUCKET_IDS} then
    return 'CROWDED'
  end
end
local time = redis.call('TIME')
local forgotten = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1] * 1000
local function recall(_, at)
  local value = recentValue(buckets, number, ARGV[at + 6]) or ARGV[at + 7]
  return value ~= '' and tonumber(string.match(value, '^%d+')) > forgotten and value
end
local function keep(_, at, value)                                 -- it expires by the time in the value
  redis.call('HSET', taking, ARGV[at + 6], value)
end`,
})

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
