-- Gives a user a live call again, after an outage. Of two live calls the earlier
-- one keeps the mark (P7).
--
-- KEYS[1]  string: the user's mark, "<call id> <role>"
-- KEYS[2]  sorted set: "<call id> <role>" of live calls, by their start
-- ARGV[1]  "<call id> <role>"
-- ARGV[2]  the call's start, ms
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
local have = redis.call('GET', KEYS[1])
if have == ARGV[1] then
  return 1
end
local rank = have and redis.call('ZRANK', KEYS[2], have)
if not rank or redis.call('ZRANK', KEYS[2], ARGV[1]) < rank then
  redis.call('SET', KEYS[1], ARGV[1])
end
return 1
