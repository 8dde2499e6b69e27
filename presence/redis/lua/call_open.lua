-- Stores a new call and takes its users for it, in one go: for a Redis that is
-- not a Cluster, where its keys need not be in one slot.
--
-- KEYS[1]     string: the call
-- KEYS[2]     sorted set: live calls by their deadline, ms
-- KEYS[3,4]   of the first user: mark; sorted set of live calls, which is used
--             only if there are several
-- KEYS[5,6]   of the second, if there is one
-- the last    string: the call's id under its client's own id, if it has one
-- ARGV[1]     until when this may be done, µs
-- ARGV[2]     the call's record
-- ARGV[3]     how long it stays, ms
-- ARGV[4]     its deadline, ms
-- ARGV[5]     its id
-- ARGV[6]     how many users there are
-- ARGV[7,8]   of the first user: "<call id> <role> <start>", '1' if a mark is wanted
-- ARGV[9,10]  of the second
--
-- Returns -1 if there is a call with this id; else how many users it has got,
-- and, if that is not all, the mark that was in the way of the next one.
local t = redis.call('TIME')
if t[1] * 1000000 + t[2] > tonumber(ARGV[1]) then
  return redis.error_reply('STALE it came too late')
end
if not redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[3]) then
  return -1
end
redis.call('ZADD', KEYS[2], 'LT', ARGV[4], ARGV[5])
local users = tonumber(ARGV[6])
for i = 1, users do
  local mark, live = KEYS[2 * i + 1], KEYS[2 * i + 2]
  local pointer, wanted = ARGV[2 * i + 5], ARGV[2 * i + 6]
  local seen = redis.call('SET', mark, pointer, 'NX', 'GET')
  if seen and wanted == '1' then
    return { i - 1, seen }
  end
  if seen then
    redis.call('ZADD', live, start(seen), seen, start(pointer), pointer)
  end
end
local named = KEYS[2 * users + 3]
if named then
  redis.call('SET', named, ARGV[5], 'PX', ARGV[3])
end
return users
