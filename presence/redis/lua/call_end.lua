-- Stores the last version of a call and takes it from its users, in one go: for
-- a Redis that is not a Cluster, where its keys need not be in one slot.
--
-- KEYS[1]     string: the call
-- KEYS[2]     sorted set: live calls by their deadline, ms
-- KEYS[3]     sorted set: ended calls that are not settled, by when to look, ms
-- KEYS[4..6]  of the caller: mark, live calls, last call (lib_release.lua)
-- KEYS[7..9]  of the callee
-- KEYS[10]    string: the call's id under its client's own id; may be left out
-- ARGV[1..4]  as of call_save.lua
-- ARGV[5]     the call's id
-- ARGV[6]     when others look after it if nobody has settled it, ms; '' never
-- ARGV[7,8]   "<call id> <role> <start>" of the caller and of the callee
--
-- Returns what call_save.lua returns.
local state = save(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if type(state) ~= 'number' or state <= 0 then
  return state
end
if ARGV[6] ~= '' then
  redis.call('ZADD', KEYS[3], ARGV[6], ARGV[5])
end
if state == 3 then
  return state
end
release(KEYS[4], KEYS[5], KEYS[6], ARGV[7], ARGV[5], ARGV[4])
release(KEYS[7], KEYS[8], KEYS[9], ARGV[8], ARGV[5], ARGV[4])
redis.call('ZREM', KEYS[2], ARGV[5])
if KEYS[10] then
  redis.call('PEXPIRE', KEYS[10], ARGV[4])
end
return state
