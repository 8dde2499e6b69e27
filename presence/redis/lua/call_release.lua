-- Takes a call from one of its users. A mark that points to it goes to the
-- earliest of the user's other calls.
--
-- KEYS[1]  string: the user's mark, "<call id> <role>"
-- KEYS[2]  sorted set: "<call id> <role>" of live calls, by their start
-- KEYS[3]  string: id of the call that ended last
-- ARGV[1]  "<call id> <role>"
-- ARGV[2]  the call's id, if it has ended; else '': it never was
-- ARGV[3]  how long it is known as the last one, ms
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('GET', KEYS[1]) == ARGV[1] then
  local other = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if other then
    redis.call('SET', KEYS[1], other)
  else
    redis.call('DEL', KEYS[1])
  end
end
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
end
return 1
