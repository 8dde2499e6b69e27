-- Says that nobody need look at a call now. One that was noted anew meanwhile
-- stays.
--
-- KEYS[1]  sorted set: live calls by their deadline, ms
-- KEYS[2]  sorted set: calls that were handed out, as in due_take.lua
-- ARGV[1]  the call's id
-- ARGV[2]  when it would have come again, as due_take.lua said
-- ARGV[3]  its deadline, or '' if it has none any more
if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[1], 'LT', ARGV[3], ARGV[1])
end
if redis.call('ZSCORE', KEYS[2], ARGV[1]) == ARGV[2] then
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
