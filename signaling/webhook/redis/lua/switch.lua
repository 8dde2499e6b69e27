-- Turns an endpoint off, which drops its queue, or on (keys in lib_queue.lua).
--
-- ARGV[1]  1 on, 0 off
-- ARGV[2]  how long all that is kept, ms
if ARGV[1] == '1' then
  redis.call('HDEL', KEYS[7], 'off')
  return 1
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', KEYS[7], 'off', '1')
keep(ARGV[2])
return 0
