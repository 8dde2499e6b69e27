-- Keeps a set, sorted set or hash of users right, whatever the order in which
-- changes arrive: an older one can not undo a newer one (P6).
--
-- KEYS[1]  what is kept
-- KEYS[2]  hash: user -> version, of those who are in it
-- KEYS[3]  sorted set: user by version, of those who were taken out lately
-- KEYS[4]  string, optional: counts the changes of the set
-- ARGV[1]  zset, set or hash
-- ARGV[2]… user, version (µs), value ('': take it out), and so on
--
-- Returns how many were applied.
local kind = ARGV[1]
local n, changes = 0, 0
for i = 2, #ARGV, 3 do
  local user, ver, value = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local have = redis.call('HGET', KEYS[2], user)
  local last = tonumber(have or redis.call('ZSCORE', KEYS[3], user) or '0')
  if ver > last then
    n = n + 1
    if value ~= '' then
      if not have then
        changes = changes + 1
        redis.call('ZREM', KEYS[3], user)
      end
      redis.call('HSET', KEYS[2], user, ARGV[i + 1])
      if kind == 'hash' then
        redis.call('HSET', KEYS[1], user, value)
      elseif kind == 'set' then
        redis.call('SADD', KEYS[1], user)
      else
        redis.call('ZADD', KEYS[1], 0, user)
      end
    else
      redis.call('ZADD', KEYS[3], ARGV[i + 1], user)
      if have then
        changes = changes + 1
        redis.call('HDEL', KEYS[2], user)
        redis.call(kind == 'hash' and 'HDEL' or kind == 'set' and 'SREM' or 'ZREM', KEYS[1], user)
      end
    end
  end
end
if changes > 0 and KEYS[4] then
  -- It goes on from the time of day after an empty start, so that no former
  -- value comes back.
  local t = redis.call('TIME')
  local v = math.max(tonumber(redis.call('GET', KEYS[4]) or '0') + 1, t[1] * 1000000 + t[2])
  redis.call('SET', KEYS[4], string.format('%.0f', v))
end
return n
