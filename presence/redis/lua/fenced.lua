-- One write to one key, unless it comes too late: what a stalled connection
-- delivers after an outage must not undo what was done since.
--
-- KEYS[1]  the key
-- ARGV[1]  until when it may be done, µs
-- ARGV[2]  the command; its further arguments follow
--
-- Returns what the command returns.
local t = redis.call('TIME')
if t[1] * 1000000 + t[2] > tonumber(ARGV[1]) then
  return redis.error_reply('STALE it came too late')
end
return redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))
