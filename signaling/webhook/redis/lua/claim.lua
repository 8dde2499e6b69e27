-- Takes entries that are due (keys in lib_queue.lua).
--
-- ARGV[1]  how many
-- ARGV[2]  for how long, ms
-- ARGV[3]  how long all that is kept, ms
--
-- Returns number, how often it was claimed and what is kept of it, for each.
if redis.call('HGET', KEYS[7], 'off') == '1' or tonumber(redis.call('HGET', KEYS[7], 'rest') or '0') > now then
  return {}
end
local out = {}
for _, seq in ipairs(redis.call('ZRANGE', KEYS[4], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
  local item = redis.call('HGET', KEYS[1], seq)
  if item then
    redis.call('ZADD', KEYS[4], now + tonumber(ARGV[2]), seq)
    out[#out + 1] = tonumber(seq)
    out[#out + 1] = redis.call('HINCRBY', KEYS[5], seq, 1)
    out[#out + 1] = item
  else
    redis.call('ZREM', KEYS[4], seq)
  end
end
if #out > 0 then
  keep(ARGV[3])
end
return out
