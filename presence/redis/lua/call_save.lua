-- Stores the next version of a call, if it follows on the one that is there.
--
-- KEYS[1]  string: the call as package call encodes it: a byte, the version (8
--          bytes), the state (1 byte), the rest
-- ARGV[1]  until when this may be done, µs
-- ARGV[2]  the version that must be there, 8 bytes
-- ARGV[3]  the new version
-- ARGV[4]  how long it stays, ms
--
-- Returns the state that it had; 0 if there is no such call, -1 if it has another
-- version.
local head = redis.call('GETRANGE', KEYS[1], 1, 9)
if head == '' then
  return 0
end
if string.sub(head, 1, 8) ~= ARGV[2] then
  return -1
end
local t = redis.call('TIME')
if t[1] * 1000000 + t[2] > tonumber(ARGV[1]) then
  return redis.error_reply('STALE it came too late')
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return string.byte(head, 9)
