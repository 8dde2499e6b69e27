-- What the scripts of one endpoint's queue share. Their keys are the same, all of
-- one slot:
--
-- KEYS[1]  hash: number -> "<created, ms>|<length of the lane>|<lane><the rest>"
-- KEYS[2]  hash: number -> number of the next entry of its lane
-- KEYS[3]  hash: lane -> number of its newest entry
-- KEYS[4]  sorted set: numbers of the oldest entry of each lane, by when it is due, ms
-- KEYS[5]  hash: number -> how often it was claimed
-- KEYS[6]  sorted set: ids that the queue has had, by when, ms
-- KEYS[7]  hash: seq (the last number), first (no older entry is there), off, rest
--          (until when nothing is claimed, ms)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- parse returns when an entry was made and its lane.
local function parse(item)
  local created, n, from = string.match(item, '^(%d+)|(%d+)|()')
  return tonumber(created), string.sub(item, from, from + n - 1)
end

-- remove takes the oldest entry of a lane out and lets the next one come.
local function remove(seq, item)
  local _, lane = parse(item)
  local after = redis.call('HGET', KEYS[2], seq)
  redis.call('HDEL', KEYS[1], seq)
  redis.call('HDEL', KEYS[2], seq)
  redis.call('HDEL', KEYS[5], seq)
  redis.call('ZREM', KEYS[4], seq)
  if after then
    redis.call('ZADD', KEYS[4], now, after)
  else
    redis.call('HDEL', KEYS[3], lane)
  end
end

-- drop removes up to n of the oldest entries, those made before that time.
local function drop(n, before)
  local first = tonumber(redis.call('HGET', KEYS[7], 'first') or '1')
  local last = tonumber(redis.call('HGET', KEYS[7], 'seq') or '0')
  local dropped, steps = 0, 0
  while first <= last and dropped < n and steps < 10000 do
    local item = redis.call('HGET', KEYS[1], first)
    if item then
      if parse(item) >= before then
        break
      end
      remove(first, item)
      dropped = dropped + 1
    end
    first = first + 1
    steps = steps + 1
  end
  redis.call('HSET', KEYS[7], 'first', first)
  return dropped
end

-- keep says how long all that is kept, ms.
local function keep(ttl)
  for i = 1, 7 do
    redis.call('PEXPIRE', KEYS[i], ttl)
  end
end
