-- Brings a call that a node knows together with the one that is there: of two
-- versions the one with the higher rank stays.
--
-- KEYS[1]  string: the call, as in call_save.lua
-- ARGV[1]  until when this may be done, µs
-- ARGV[2]  the call as the node knows it
-- ARGV[3]  how long it stays, ms
-- ARGV[4]  the state that ranks above all others, as a number
-- ARGV[5]  1: of equal rank the node's is the newer one
-- ARGV[6]  1: a call that is not there has ended long ago
--
-- Returns 1 if the node's is there now, 0 if another one is.
local function rank(s)
  local top = 0
  if string.byte(s, 10) == tonumber(ARGV[4]) then
    top = 1
  end
  return top, struct.unpack('>I8', s, 2)
end
local have = redis.call('GETRANGE', KEYS[1], 0, 9)
if have ~= '' then
  local ht, hv = rank(have)
  local nt, nv = rank(ARGV[2])
  if ht > nt or (ht == nt and hv > nv) then
    return 0
  end
  if ht == nt and hv == nv and ARGV[5] ~= '1' then
    return 1
  end
elseif ARGV[6] == '1' then
  return 0
end
local t = redis.call('TIME')
if t[1] * 1000000 + t[2] > tonumber(ARGV[1]) then
  return redis.error_reply('STALE it came too late')
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
