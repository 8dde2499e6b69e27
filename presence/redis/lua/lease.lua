-- The leases of all nodes (P1).
--
-- KEYS[1]  sorted set: "name|epoch|tag|addr" by the end of the lease, ms
-- KEYS[2]  string: the run. Another one, or none, says that Redis was emptied
-- KEYS[3]  set: entries whose sessions and calls are all there since then
-- KEYS[4]  string: who buries the node of ARGV[6] (claim, done), or this one (renew)
-- ARGV[1]  op: take, renew, list, claim, done, leave
-- ARGV[2]  until when this may be done, µs
-- ARGV[3]  the entry
-- ARGV[4]  length of the lease, ms
-- ARGV[5]  take, renew: a new run, if there is none
-- ARGV[6]  take: the entry that it follows, or ''; renew: the run as known;
--          claim, done: the entry of the dead node
--
-- Returns {status, now µs, run, asserted entries, entries with the ends of
-- their leases (flat)}; status is ok, taken, tag, lost, or emptied.
local op, entry = ARGV[1], ARGV[3]
local t = redis.call('TIME')
local us = t[1] * 1000000 + t[2]
local now = math.floor(us / 1000)
if us > tonumber(ARGV[2]) then
  return redis.error_reply('STALE it came too late')
end
local status = 'ok'

local function field(e, n)
  for part in string.gmatch(e .. '|', '([^|]*)|') do
    n = n - 1
    if n == 0 then return part end
  end
end

-- clash looks for another node that lives and has the same name, or tag.
local function clash(but)
  local live = redis.call('ZRANGE', KEYS[1], '(' .. now, '+inf', 'BYSCORE')
  for _, e in ipairs(live) do
    if e ~= entry and e ~= but then
      if field(e, 1) == field(entry, 1) then return 'taken' end
      if field(e, 3) == field(entry, 3) then return 'tag' end
    end
  end
  return 'ok'
end

local function keep()
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[4])), entry)
end

if op == 'take' then
  redis.call('SET', KEYS[2], ARGV[5], 'NX')
  status = clash(ARGV[6])
  if status == 'ok' then
    keep()
    redis.call('SADD', KEYS[3], entry) -- it has nothing yet
  end
elseif op == 'renew' then
  local run = redis.call('GET', KEYS[2])
  if not run then
    redis.call('SET', KEYS[2], ARGV[5])
    run = ARGV[5]
  end
  if run ~= ARGV[6] then
    status = 'emptied'
  elseif not redis.call('ZSCORE', KEYS[1], entry) or redis.call('EXISTS', KEYS[4]) == 1 then
    status = 'lost' -- buried, or about to be
  end
  if status ~= 'lost' and clash('') == 'taken' then status = 'lost' end
  if status ~= 'lost' then keep() end
elseif op == 'claim' then
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[6])
  if not ends or tonumber(ends) > now then
    status = 'lost' -- it is gone, or back
  elseif not redis.call('SET', KEYS[4], entry, 'NX', 'PX', ARGV[4]) then
    if redis.call('GET', KEYS[4]) == entry then
      redis.call('PEXPIRE', KEYS[4], ARGV[4])
    else
      status = 'taken'
    end
  end
elseif op == 'done' then
  redis.call('ZREM', KEYS[1], ARGV[6])
  redis.call('SREM', KEYS[3], ARGV[6])
  redis.call('DEL', KEYS[4])
elseif op == 'leave' then
  redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now - 1), entry)
elseif op ~= 'list' then
  return redis.error_reply('ERR no such op')
end
return { status, us, redis.call('GET', KEYS[2]) or '', redis.call('SMEMBERS', KEYS[3]),
  redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') }
