/** Every key, under one hash tag, so that a Redis Cluster keeps them all in one slot. */
const key = (name: string) => `{stopgate}:${name}`

export const KEYS = {
  stateId: key('state_id'),
  salt: key('salt'),
  format: key('format'), // STATE_FORMAT of the newest version that learned or imported here
  log: key('log'), // stream, one field `entry`
  cursor: key('cursor'),
  version: key('version'),
  policyVersion: key('policy_version'),
  changed: key('changed'), // sorted set of context keys by the version that last changed them
  contexts: key('contexts'), // hash, key -> state
  pending: key('pending'), // hash, generation id -> outcome that waits for a label
  ledger: key('ledger'),
  policies: key('policies'), // hash, key -> policy
  pins: key('pins'), // hash, key -> pin
  predictors: key('predictors'), // hash, name -> version
  predictorsAt: key('predictors_at'), // policy version, and id of the entry that last wrote a predictor
  reservoir: key('reservoir'), // hash, number -> sample that predictors are trained on
  history: key('history'), // stream, fields `change` and `version`
  audit: key('audit'), // stream, fields `entry`, `version` and `replaced`
  lease: key('lease'), // `<token> <holder>`, expires
  leaseToken: key('lease_token'),
  records: key('records'), // sorted set of the generation ids that have steps recorded, by the ms of the last one; expires
  recordBytes: key('record_bytes'), // hash, generation id -> bytes of its steps; the empty id: of all; expires
  trainingRuns: key('training_runs'), // hash, name -> revision and run
  trainingSeries: key('training_series'), // hash, [run, suite] -> series
  written: key('written'), // says nothing: a write for replicas to have
} as const

/** `<ms of the outcome's entry> <what it awaits>`, expires. */
export const seenKey = (generationId: string): string => key(`seen:${generationId}`)

/** List of the steps recorded of a generation; expires. */
export const stepsKey = (generationId: string): string => key(`steps:${generationId}`)

/** The tables of a whole state; `changed` is a sorted set, the last three are streams, the others hashes. */
export const STATE_KEYS = [
  KEYS.contexts, KEYS.pending, KEYS.policies, KEYS.pins, KEYS.predictors, KEYS.reservoir, KEYS.trainingRuns, KEYS.trainingSeries,
  KEYS.changed, KEYS.log, KEYS.history, KEYS.audit,
] as const

/** Where an import lays them down, and last a hash of what is seen; nobody reads these. */
export const STAGED = [...STATE_KEYS, key('seen')].map((name) => name.replace(key(''), key('import:')))

/** Where each new version is published. */
export const CHANNEL = key('changes')

/*
 * The scripts. Redis runs each alone and keeps its writes together in the append-only file, so each is one atomic step. The checks that
 * Redis makes before a write (out of memory, read-only, disk failed) are made at a script's first write and not again: all or nothing.
 */

/**
 * KEYS: log, version, policy_version, changed, audit, predictors_at; then one for each entry: an outcome's or label's seen key, a policy's,
 * pin's or predictor's table, else the log.
 * ARGV: dedup time in s, label wait in ms, bound of the log's length, policy version that must stand ('' for any), channel, audit limit;
 * then for each entry five: kind, table field, or what an outcome awaits or a label needs (see awaits), table value ('' deletes), entry,
 * what the audit trail keeps of it ('' for nothing).
 * Returns for each entry what became of it; or CONFLICT or FULL, and then has written nothing.
 */
const append = `
if ARGV[4] ~= '' and (redis.call('GET', KEYS[3]) or '0') ~= ARGV[4] then
  return 'CONFLICT'
end
local reports = 0                                                 -- what workers sent; commands and ticks always pass
for i = 7, #ARGV, 5 do
  if ARGV[i] == 'outcome' or ARGV[i] == 'label' then
    reports = reports + 1
  end
end
if reports > 0 and redis.call('XLEN', KEYS[1]) + reports > tonumber(ARGV[3]) then
  return 'FULL'
end
local function log_time()                                         -- of the next entry: ids never go back, though the clock does
  local now = redis.call('TIME')
  local ms = now[1] * 1000 + math.floor(now[2] / 1000)
  local info = redis.pcall('XINFO', 'STREAM', KEYS[1])            -- an error where the log was deleted by hand
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      ms = math.max(ms, tonumber(string.match(info[i + 1], '^%d+')))
    end
  end
  return ms
end
local function label(seen, needs)                                 -- what becomes of a label, its outcome's marker given
  if not seen then
    return 'unknown'
  end
  local ms, waits = string.match(seen, '^(%d+) (%d)$')
  if waits == '0' then
    return 'duplicate'
  end
  if log_time() >= tonumber(ms) + tonumber(ARGV[2]) then
    return 'late'
  end
  return waits == '1' and needs == '1' and 'unanswered' or 'accepted' -- a reference has nothing to grade
end
local appended = {}                                               -- the reply
local audited = {}                                                -- command, what it replaced
local written = nil                                               -- the entry that wrote a predictor
local last = nil                                                  -- the last one that wrote a table
local version = nil                                               -- the new one, once a table was written
for i = 1, (#ARGV - 6) / 5 do                                     -- in the caller's order
  local at = 6 + (i - 1) * 5                                      -- the entry's arguments follow this one
  local kind, entry = ARGV[at + 1], ARGV[at + 4]
  local result = 'accepted'
  if kind == 'outcome' and redis.call('EXISTS', KEYS[6 + i]) == 1 then
    result = 'duplicate'                                          -- within one call too, since the id is set at once
  elseif kind == 'label' then
    local seen = redis.call('GET', KEYS[6 + i])
    result = label(seen, ARGV[at + 2])
    if result == 'accepted' then                                  -- it waits no more, and is remembered as long as before
      redis.call('SET', KEYS[6 + i], string.match(seen, '^%d+') .. ' 0', 'KEEPTTL')
    end
  end
  if result == 'accepted' then
    local id = redis.call('XADD', KEYS[1], '*', 'entry', entry)   -- ids never go back: XADD goes on from the stream's last one
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
      last = id                                                   -- an id of the log comes once, after a failover too
      version = version or redis.call('INCR', KEYS[2])            -- one move of the version for the whole call
      if kind == 'predictor' then
        written = id
      else                                                        -- of a predictor the name could be taken for a context key
        redis.call('ZADD', KEYS[4], version, ARGV[at + 2])        -- this key changed with it
      end
    end
    if ARGV[at + 5] ~= '' then
      audited[#audited + 1] = { ARGV[at + 5], replaced }
    end
  end
  appended[i] = result
end
for _, row in ipairs(audited) do
  redis.call('XADD', KEYS[5], 'MAXLEN', '=', ARGV[6], '*',
    'entry', row[1], 'version', version or redis.call('GET', KEYS[2]) or '0', 'replaced', row[2])
end
if version then
  local policy_version, before = string.match(redis.call('GET', KEYS[6]) or '', '^(%d+) (.*)$')
  if not before or policy_version ~= redis.call('GET', KEYS[3]) then
    before = last                                                 -- a version of before wrote since, and a predictor perhaps
  end
  redis.call('SET', KEYS[6], version .. ' ' .. (written or before))
  redis.call('SET', KEYS[3], version)                             -- replicas load policies, pins and predictors anew from here
  redis.call('PUBLISH', ARGV[5], version)
end
return appended
`

/**
 * KEYS: lease, lease_token, format. ARGV: holder, ttl in ms, the format that the holder knows. Returns the token, or nil while another
 * holder's lease runs, or NEWER, and then has written nothing.
 */
const acquireLease = `
local format = tonumber(redis.call('GET', KEYS[3]) or '0')
if format > tonumber(ARGV[3]) then
  return 'NEWER ' .. format
end
if format < tonumber(ARGV[3]) then                                -- from now on learners of before learn no more
  redis.call('SET', KEYS[3], ARGV[3])
  redis.call('DEL', KEYS[1])
end
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
const renewLease = `
local lease = redis.call('GET', KEYS[1])
if not lease or string.match(lease, '^%d+') ~= ARGV[1] then       -- expired, or a newer one
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`

/** KEYS: lease. ARGV: token. */
const releaseLease = `
local lease = redis.call('GET', KEYS[1])
if lease and string.match(lease, '^%d+') == ARGV[1] then          -- never a newer one
  redis.call('DEL', KEYS[1])
end
return 1
`

/**
 * KEYS: cursor, ledger, contexts, pending, reservoir. Returns cursor, ledger, the flat pairs of contexts, the pending outcomes and the flat
 * pairs of the reservoir as they stood together.
 */
const learned = `
return {
  redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]), redis.call('HGETALL', KEYS[3]), redis.call('HVALS', KEYS[4]),
  redis.call('HGETALL', KEYS[5])
}
`

/**
 * KEYS: lease, cursor, contexts, ledger, version, changed, history, log, pending, reservoir.
 * ARGV: token, from, to, first id to keep in the log, ledger ('' leaves it), channel, history limit,
 * counts of states, deletions, decisive keys, changes, pending outcomes and deletions of those, samples and deletions of those;
 * then those: key and state, key, key, change, id and outcome, id, number and sample, number.
 * Returns OK, or what stood in the way, and then has written nothing.
 */
const commit = `
local lease = redis.call('GET', KEYS[1])
if not lease or string.match(lease, '^%d+') ~= ARGV[1] then       -- the lease expired, or a newer one was given
  return 'LEASE'
end
if (redis.call('GET', KEYS[2]) or '0-0') ~= ARGV[2] then          -- another learner has folded on
  return 'CURSOR'
end
redis.call('SET', KEYS[2], ARGV[3])                               -- the first write, so the one Redis would refuse
local at = 16                                                     -- the next argument
for _ = 1, ARGV[8] do                                             -- one by one: Lua can't unpack thousands
  redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, ARGV[9] do
  redis.call('HDEL', KEYS[3], ARGV[at])
  at = at + 1
end
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[4], ARGV[5])
end
local version = redis.call('GET', KEYS[5]) or '0'
if tonumber(ARGV[10]) > 0 then                                    -- some decision could differ: the version moves, and only then
  version = redis.call('INCR', KEYS[5])
  for _ = 1, ARGV[10] do
    redis.call('ZADD', KEYS[6], version, ARGV[at])
    at = at + 1
  end
  redis.call('PUBLISH', ARGV[6], version)
end
for _ = 1, ARGV[11] do
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[7], '*', 'change', ARGV[at], 'version', version)
  at = at + 1
end
for _ = 1, ARGV[12] do
  redis.call('HSET', KEYS[9], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, ARGV[13] do
  redis.call('HDEL', KEYS[9], ARGV[at])
  at = at + 1
end
for _ = 1, ARGV[14] do
  redis.call('HSET', KEYS[10], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, ARGV[15] do
  redis.call('HDEL', KEYS[10], ARGV[at])
  at = at + 1
end
redis.call('XTRIM', KEYS[8], 'MINID', '=', ARGV[4])               -- what is folded goes, so the log's length is the lag
return 'OK'
`

/**
 * KEYS: state_id, salt, version, policy_version, log, format. ARGV: state id and salt to take where there are none.
 * Returns state id, salt, version, policy version, entries that wait, ms that the oldest of them has waited, format.
 */
const revision = `
local function take(key, candidate)                               -- what is there, else the candidate from now on
  local value = redis.call('GET', key)
  if not value then                                               -- no write otherwise: a full or read-only Redis still answers
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
  local now = redis.call('TIME')                                  -- Redis' clock, which made the id
  waited = now[1] * 1000 + math.floor(now[2] / 1000) - string.match(oldest[1], '^%d+')
end
return {
  id, salt,
  redis.call('GET', KEYS[3]) or '0', redis.call('GET', KEYS[4]) or '0',
  redis.call('XLEN', KEYS[5]), math.max(0, waited), redis.call('GET', KEYS[6]) or '0'
}
`

/** For scripts on records, whose first keys are: records, record_bytes. */
const dropRecord = `
local function drop(id, prefix)                                   -- takes a generation's record away
  if redis.call('ZREM', KEYS[1], id) == 0 then                    -- no write where there is none
    return
  end
  local bytes = redis.call('HGET', KEYS[2], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('HINCRBY', KEYS[2], '', -bytes)
  redis.call('UNLINK', prefix .. id)                              -- in the same slot, by the hash tag
end
`

/**
 * KEYS: records, record_bytes; then the list of each generation.
 * ARGV: ms to keep a record after its last step, most steps of a generation, most generations, most bytes, prefix of the lists' keys;
 * then for each generation its id, how many steps, and those. Returns how many steps were kept.
 */
const record = `${dropRecord}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1], 'LIMIT', 0, 1000)
for _, id in ipairs(expired) do                                   -- their lists are gone by themselves
  drop(id, ARGV[5])
end
local kept = 0
local at = 6                                                      -- the next argument
for i = 3, #KEYS do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  local room = ARGV[2] - redis.call('LLEN', KEYS[i])
  local bytes = 0
  for j = 1, math.min(count, room) do                             -- in the caller's order, after what is there
    redis.call('RPUSH', KEYS[i], ARGV[at + 1 + j])
    bytes = bytes + #ARGV[at + 1 + j]
    kept = kept + 1
  end
  at = at + 2 + count
  redis.call('PEXPIRE', KEYS[i], ARGV[1])
  redis.call('ZADD', KEYS[1], now, id)
  redis.call('HINCRBY', KEYS[2], id, bytes)
  redis.call('HINCRBY', KEYS[2], '', bytes)
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])                           -- with the last of the lists
redis.call('PEXPIRE', KEYS[2], ARGV[1])
while redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[3]) or tonumber(redis.call('HGET', KEYS[2], '')) > tonumber(ARGV[4]) do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  if not oldest then                                              -- never, as the bytes are those of the ids
    break
  end
  drop(oldest, ARGV[5])
end
return kept
`

/** KEYS: the list of each generation. Returns the steps of each. */
const recorded = `
local records = {}
for i, list in ipairs(KEYS) do
  records[i] = redis.call('LRANGE', list, 0, -1)
end
return records
`

/** KEYS: records, record_bytes. ARGV: prefix of the lists' keys; then the id of each generation. */
const forget = `${dropRecord}
for i = 2, #ARGV do
  drop(ARGV[i], ARGV[1])
end
return 1
`

/**
 * KEYS: training_runs, training_series, log, format.
 * ARGV: counts of revisions that must stand, runs to delete, series to delete, series and entries, the format that the writer knows; then
 * those: name and revision ('' for none), name, field, field and series, entry; then the run's name and text.
 * Returns OK, or CONFLICT or NEWER, and then has written nothing.
 */
const writeTraining = `
local format = redis.call('GET', KEYS[4]) or '0'
if tonumber(format) > tonumber(ARGV[6]) then                      -- the run may say what the writer does not know of
  return 'NEWER ' .. format
end
local at = 7                                                      -- the next argument
for _ = 1, ARGV[1] do
  local text = redis.call('HGET', KEYS[1], ARGV[at])
  if (text and string.match(text, '^%d+') or '') ~= ARGV[at + 1] then
    return 'CONFLICT'
  end
  at = at + 2
end
redis.call('HSET', KEYS[1], ARGV[#ARGV - 1], ARGV[#ARGV])         -- the first write, so the one Redis would refuse
for _ = 1, ARGV[2] do
  redis.call('HDEL', KEYS[1], ARGV[at])
  at = at + 1
end
for _ = 1, ARGV[3] do
  redis.call('HDEL', KEYS[2], ARGV[at])
  at = at + 1
end
for _ = 1, ARGV[4] do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, ARGV[5] do
  redis.call('XADD', KEYS[3], '*', 'entry', ARGV[at])
  at = at + 1
end
return 'OK'
`

/**
 * KEYS: the twelve of STATE_KEYS; salt, version, policy_version, cursor, ledger, format.
 * Returns now in ms, the newest id of the log, the six values, the eight hashes and the sorted set as flat pairs, the three streams; all
 * of one moment. AGAIN where an entry was appended in this very millisecond, so that now tells what came before from what comes after.
 */
const exportState = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = '0-0'
local info = redis.pcall('XINFO', 'STREAM', KEYS[10])             -- an error where there is no log yet
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
 * version, cursor, ledger ('' for none), state id; how many of each of STAGED there must be; the format of what comes.
 * Returns OK, or what stood in the way, and then has written nothing.
 */
const importState = `
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
    return 'TAKEN'                                                -- a history says nothing that is still in force
  end
end
for i = 1, 13 do
  if size(KEYS[12 + i]) ~= tonumber(ARGV[11 + i]) then
    return 'TORN'
  end
end
redis.call('SET', KEYS[31], ARGV[11])                             -- the first write, so the one Redis would refuse
for i = 1, 12 do
  redis.call('UNLINK', KEYS[i])
  if redis.call('EXISTS', KEYS[12 + i]) == 1 then
    redis.call('RENAME', KEYS[12 + i], KEYS[i])
  end
end
for i, prefix in ipairs({ ARGV[2], ARGV[3] }) do                  -- what was seen and recorded before
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
redis.call('UNLINK', KEYS[25], KEYS[32], KEYS[33], KEYS[34])      -- with the lease, so that a learner of before commits nothing
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

export const SCRIPTS = {
  append,
  acquireLease,
  renewLease,
  releaseLease,
  learned,
  commit,
  revision,
  record,
  recorded,
  forget,
  writeTraining,
  exportState,
  importState,
} as const

export type ScriptName = keyof typeof SCRIPTS
