-- Takes a mark over, if it still is what was seen.
--
-- KEYS[1]  string: the user's mark, "<call id> <role> <start>"
-- KEYS[2]  sorted set: the user's live calls, if what was seen stays one of them
-- ARGV[1]  what was seen
-- ARGV[2]  what takes its place; '': nothing
--
-- Returns '' when it is done, else what is there now.
local have = redis.call('GET', KEYS[1])
if have and have ~= ARGV[1] then
  return have
end
if have and KEYS[2] then
  redis.call('ZADD', KEYS[2], start(have), have)
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2])
end
return ''
