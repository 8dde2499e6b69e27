-- Adds entries that the queue has not had (keys in lib_queue.lua).
--
-- ARGV[1]  how many entries may be there
-- ARGV[2]  for how long an id is known, ms
-- ARGV[3]  how long all that is kept, ms
-- and for each entry its id, its lane and what is kept of it
--
-- Returns {added, dropped}, or {-1, 0} if the endpoint is off.
if redis.call('HGET', KEYS[7], 'off') == '1' then
  return { -1, 0 }
end
redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now - tonumber(ARGV[2]))
-- Numbers go on from the time: those of a queue that an emptied Redis has lost are
-- never given again.
if not redis.call('HGET', KEYS[7], 'seq') then
  redis.call('HSET', KEYS[7], 'seq', now, 'first', now + 1)
end
local added = 0
for i = 4, #ARGV, 3 do
  local id, lane, item = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if not redis.call('ZSCORE', KEYS[6], id) then
    redis.call('ZADD', KEYS[6], now, id)
    local seq = redis.call('HINCRBY', KEYS[7], 'seq', 1)
    redis.call('HSET', KEYS[1], seq, item)
    local newest = redis.call('HGET', KEYS[3], lane)
    if newest then
      redis.call('HSET', KEYS[2], newest, seq)
    else
      redis.call('ZADD', KEYS[4], now, seq)
    end
    redis.call('HSET', KEYS[3], lane, seq)
    added = added + 1
  end
end
local over = redis.call('HLEN', KEYS[1]) - tonumber(ARGV[1])
local dropped = 0
if over > 0 then
  dropped = drop(over, math.huge)
end
keep(ARGV[3])
return { added, dropped }
