/**
 * Writes a run and its series, and appends entries to the log, unless another writer was faster.
 * KEYS: training_runs, training_series, log, format.
 * ARGV 1 to 5: the numbers of revisions to compare, runs to delete, series to delete, series to write, and log entries to append.
 * ARGV 6: the format that the writer reads. Then, as many as these numbers say: a run's name and its revision ('': the run must not
 * exist); a run's name; a field of the series; a field of the series and its value; a log entry. Last the name and text of the run.
 * Returns OK; or, having written nothing, CONFLICT, or NEWER and the format.
 */
export const writeTraining = `
local format = redis.call('GET', KEYS[4]) or '0'
if tonumber(format) > tonumber(ARGV[6]) then                      -- the writer could misread the run
  return 'NEWER ' .. format
end
local at = 7                                                      -- the next argument
for _ = 1, ARGV[1] do
  local text = redis.call('HGET', KEYS[1], ARGV[at])
  local current = text and tonumber(string.match(text, '^%d+') or 0) or nil -- 0 if it is damaged
  if current ~= tonumber(ARGV[at + 1]) then                        -- nil if there is no run
    return 'CONFLICT'
  end
  at = at + 2
end
redis.call('HSET', KEYS[1], ARGV[#ARGV - 1], ARGV[#ARGV])         -- the first write: if Redis refuses writes, it refuses this one
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
