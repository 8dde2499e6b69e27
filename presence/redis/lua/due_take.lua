-- Hands out the calls of one shard that somebody has to look at. They come again
-- until they are dropped (due_drop.lua), in case that who took them died.
--
-- KEYS[1]  sorted set: live calls by their deadline, ms
-- KEYS[2]  sorted set: calls that were handed out, and ended ones that are not
--          settled, by when somebody is to look at them (again), ms
-- ARGV[1]  how many at most
-- ARGV[2]  after how many milliseconds they come again
--
-- Returns when they come again, those of KEYS[1], those of KEYS[2].
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / 1000)
local again = string.format('%.0f', now + tonumber(ARGV[2]))
local most = tonumber(ARGV[1])
local first = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(first) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZADD', KEYS[2], again, id)
end
local more = {}
if #first < most then
  more = redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE', 'LIMIT', 0, most - #first)
  for _, id in ipairs(more) do
    redis.call('ZADD', KEYS[2], again, id)
  end
end
return { again, first, more }
