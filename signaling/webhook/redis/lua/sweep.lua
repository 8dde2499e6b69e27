-- Drops entries that are too old (keys in lib_queue.lua).
--
-- ARGV[1]  how old they may be, ms
-- ARGV[2]  how many are dropped at most
--
-- Returns how many were dropped, and how many are there.
local dropped = drop(tonumber(ARGV[2]), now - tonumber(ARGV[1]))
return { dropped, redis.call('HLEN', KEYS[1]) }
