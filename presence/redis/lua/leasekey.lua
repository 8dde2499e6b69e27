-- Says in the slot of a node's inbox which epoch reads it (P3).
--
-- KEYS[1]  string: the epoch
-- ARGV[1]  until when this may be done, µs
-- ARGV[2]  op: take, renew (unless another one has taken it), drop (likewise)
-- ARGV[3]  the epoch
-- ARGV[4]  how long it stays without renewal, ms
--
-- Returns 1, or 0 if it is another one's.
local t = redis.call('TIME')
if t[1] * 1000000 + t[2] > tonumber(ARGV[1]) then
  return redis.error_reply('STALE it came too late')
end
local have = redis.call('GET', KEYS[1])
if ARGV[2] ~= 'take' and have and have ~= ARGV[3] then
  return 0
end
if ARGV[2] == 'drop' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
return 1
