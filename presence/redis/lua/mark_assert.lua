-- Gives a user a live call again, after an outage. Of two live calls the earlier
-- one keeps the mark (P7).
--
-- KEYS[1]  string: the user's mark, "<call id> <role> <start>"
-- KEYS[2]  sorted set: the same of the live calls of a user who has several
-- ARGV[1]  "<call id> <role> <start>"
local have = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET')
if not have or have == ARGV[1] then
  return 1
end
redis.call('ZADD', KEYS[2], start(have), have, start(ARGV[1]), ARGV[1])
if redis.call('ZRANK', KEYS[2], ARGV[1]) < redis.call('ZRANK', KEYS[2], have) then
  redis.call('SET', KEYS[1], ARGV[1])
end
return 1
