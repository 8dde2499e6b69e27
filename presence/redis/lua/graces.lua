-- Ends of offline graces (P5).
--
-- KEYS[1]  sorted set: user by the end of the grace, ms
-- ARGV[1]  op: take, drop
-- take: ARGV[2] how many at most, ARGV[3] for how long, ms, nobody else takes
--       them. Returns users and ends (flat); they stay until dropped.
-- drop: ARGV[2]… user and the end as taken. One that has a newer end stays.
local t = redis.call('TIME')
local now = math.floor((t[1] * 1000000 + t[2]) / 1000)
if ARGV[1] == 'take' then
  local users = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[2])
  local out = {}
  local again = string.format('%.0f', now + tonumber(ARGV[3]))
  for _, u in ipairs(users) do
    redis.call('ZADD', KEYS[1], again, u)
    out[#out + 1] = u
    out[#out + 1] = again
  end
  return out
end
for i = 2, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return {}
