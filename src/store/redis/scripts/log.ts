/**
 * KEYS: log, version, policy_version, changed, audit, predictors_at; then one for each entry: the seen key of an outcome or label, the
 * table of a policy, pin or predictor, the loss that is acknowledged, otherwise the log.
 * ARGV: dedup time in s, bound of the log's length, policy version that must stand ('' for any), channel, audit limit;
 * then five for each entry: kind, table field or what the outcome has or the label needs (see awaits), table value ('' deletes),
 * entry, command for the audit trail ('' for none).
 * Returns the result for each entry; or CONFLICT or FULL, having written nothing.
 */
export const appendScript = `
if ARGV[3] ~= '' and (redis.call('GET', KEYS[3]) or '0') ~= ARGV[3] then
  return 'CONFLICT'
end
local reports = 0                                                 -- what comes from traffic; other entries always pass
for i = 6, #ARGV, 5 do
  if ARGV[i] == 'outcome' or ARGV[i] == 'label' or ARGV[i] == 'enrolment' then
    reports = reports + 1
  end
end
if reports > 0 and redis.call('XLEN', KEYS[1]) + reports > tonumber(ARGV[2]) then
  return 'FULL'
end
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
for i = 1, (#ARGV - 5) / 5 do                                     -- in the caller's order
  local at = 5 + (i - 1) * 5                                      -- the entry's arguments follow this one
  local kind, entry = ARGV[at + 1], ARGV[at + 4]
  local result = 'accepted'
  if kind == 'outcome' and redis.call('EXISTS', KEYS[6 + i]) == 1 then
    result = 'duplicate'                                          -- also within one call, since the key is set at once
  elseif kind == 'label' then
    local seen = redis.call('GET', KEYS[6 + i])
    result = label(seen, ARGV[at + 2])
    if result == 'accepted' then                                  -- the outcome waits no longer; its expiry stays
      redis.call('SET', KEYS[6 + i], (string.gsub(seen, ' %d ', ' 0 ')), 'KEEPTTL')
    end
  end
  if result == 'accepted' then
    local id = redis.call('XADD', KEYS[1], '*', 'entry', entry)   -- XADD continues from the last id of the stream
    if kind == 'outcome' then
      redis.call('SET', KEYS[6 + i], string.match(id, '^%d+') .. ' ' .. ARGV[at + 2], 'EX', ARGV[1])
    end
    local replaced = 'null'
    if kind == 'policy' or kind == 'pin' then
      replaced = redis.call('HGET', KEYS[6 + i], ARGV[at + 2]) or 'null'
    end
    if kind == 'policy' or kind == 'pin' or kind == 'predictor' then
      if ARGV[at + 3] == '' then
        redis.call('HDEL', KEYS[6 + i], ARGV[at + 2])
      else
        redis.call('HSET', KEYS[6 + i], ARGV[at + 2], ARGV[at + 3])
      end
      version = version or redis.call('INCR', KEYS[2])            -- one move of the version for the whole call
      if kind == 'predictor' then
        written = id
      else                                                        -- the name of a predictor is not a context key
        redis.call('ZADD', KEYS[4], version, ARGV[at + 2])        -- this key changed with it
      end
    end
    if kind == 'acknowledgement' then
      redis.call('DEL', KEYS[6 + i])
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
