-- Deletes a call that was never told of, if nobody has changed it.
--
-- KEYS[1]  string: the call, as in call_save.lua
-- ARGV[1]  the version that it was stored with, 8 bytes
--
-- Returns 1 if it is gone, 0 if it stays.
local v = redis.call('GETRANGE', KEYS[1], 1, 8)
if v ~= '' and v ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
