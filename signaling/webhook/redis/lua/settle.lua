-- Says what became of claimed entries (keys in lib_queue.lua).
--
-- ARGV[1]  for how long nothing is claimed from now on, ms; 0: nothing of that
-- ARGV[2]  how long all that is kept, ms
-- and for each entry its number and after what time it is due again, ms; -1: it
-- is through
--
-- Returns how many are through.
local through = 0
for i = 3, #ARGV, 2 do
  local seq, again = ARGV[i], tonumber(ARGV[i + 1])
  local item = redis.call('HGET', KEYS[1], seq)
  if item and again < 0 then
    remove(seq, item)
    through = through + 1
  elseif item then
    redis.call('ZADD', KEYS[4], 'XX', now + again, seq)
  end
end
if tonumber(ARGV[1]) > 0 then
  redis.call('HSET', KEYS[7], 'rest', now + tonumber(ARGV[1]))
end
keep(ARGV[2])
return through
