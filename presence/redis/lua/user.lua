-- Everything that happens to one user's sessions (P1, P2, P5).
--
-- KEYS[1]  hash: session id -> "name|epoch|extended|away|since|device"
-- KEYS[2]  hash: online 0/1, until (end of the grace, ms, 0: none), seen (ms), ver (µs)
-- KEYS[3]  set: nodes ("name|epoch") that remember the routes
-- KEYS[4]  set: nodes that watch the user
-- KEYS[5]  hash: sessions of dead nodes of which nobody has heard yet
-- ARGV[1]  op
-- ARGV[2]  the calling node, "name|epoch"
-- ARGV[3]  until when this may be done, µs: what a stalled connection delivers
--          later is refused
-- ARGV[4]  offline grace, ms
-- ARGV[5]  how long last seen is kept, ms
--
-- and by op:
--   put      session id, extended 0/1, away 0/1, since (µs, 0: now), away since
--            (ms), device
--   suspend  session id
--   remove   session id, clean 0/1, when (ms, 0: now)
--   bury     node, when (ms), 1 to keep what it had in KEYS[5]
--   grace
--   routes
--   state
--
-- Returns {changed, flipped, ver, online, until, seen, sessions (flat),
-- remembering nodes to be told, watching nodes, lost (flat)}.
local op, self = ARGV[1], ARGV[2]
local t = redis.call('TIME')
local us = t[1] * 1000000 + t[2]
local now = math.floor(us / 1000)
if us > tonumber(ARGV[3]) then
  return redis.error_reply('STALE it came too late')
end
local grace = tonumber(ARGV[4])

local sessions = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  sessions[flat[i]] = flat[i + 1]
end
local info = redis.call('HMGET', KEYS[2], 'online', 'until', 'seen', 'ver')
local wasOnline = info[1] == '1'
local online = wasOnline
local ends = tonumber(info[2] or '0')
local seen = tonumber(info[3] or '0')
local ver = tonumber(info[4] or '0')
local routed, changed = false, false -- the hash, or what others may know

local function owner(e) return string.match(e, '^[^|]*|[^|]*') end
local function away(e) return string.match(e, '^[^|]*|[^|]*|.|(.)') == '1' end
local function since(e) return tonumber(string.match(e, '^[^|]*|[^|]*|.|.|(%d+)')) end
local function device(e) return string.match(e, '^[^|]*|[^|]*|.|.|%d+|(.*)$') end

local function connected()
  for _, e in pairs(sessions) do
    if not away(e) then return true end
  end
  return false
end

local function set(id, e)
  sessions[id] = e
  redis.call('HSET', KEYS[1], id, e)
  routed = true
end

local function del(id)
  sessions[id] = nil
  redis.call('HDEL', KEYS[1], id)
  routed = true
end

local function offline()
  ends = 0
  if online then
    online, changed = false, true
  end
end

-- lost: a connected session has ended at that time.
local function lost(vanished, at)
  changed = true
  if connected() then return end
  seen = at
  if vanished and at + grace > now then
    online, ends = true, at + grace
  else
    offline()
  end
end

local function entry(ext, gone, from, dev)
  return self .. '|' .. ext .. '|' .. gone .. '|' .. string.format('%.0f', from) .. '|' .. dev
end

local found = {}
if op == 'put' then
  local id, ext, gone, from, left, dev = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
  local old = sessions[id]
  local mine = old and owner(old) == self
  if mine and string.sub(old, #self + 1, #self + 4) == '|' .. ext .. '|' .. gone and device(old) == dev then
    -- nothing new
  elseif old and not mine and from > 0 and since(old) > from then
    -- told again after an outage, but it has moved on meanwhile
  else
    local was = connected()
    if from == 0 then from = us end
    set(id, entry(ext, gone, from, dev))
    if gone == '0' then
      online, ends, seen, changed = true, 0, 0, true
    elseif was or ver == 0 then
      lost(true, left)
    end
  end
elseif op == 'suspend' then
  local id = ARGV[6]
  local e = sessions[id]
  if e and owner(e) == self and not away(e) then
    local head = self .. '|' .. string.sub(e, #self + 2, #self + 2)
    set(id, head .. '|1|' .. string.sub(e, #head + 4))
    lost(true, now)
  end
elseif op == 'remove' then
  local id, clean, at = ARGV[6], ARGV[7] == '1', tonumber(ARGV[8])
  local e = sessions[id]
  if at == 0 then at = now end
  if e and owner(e) == self then
    del(id)
    if not away(e) then
      lost(not clean, at)
    elseif clean and not connected() then
      offline()
    end
  end
elseif op == 'bury' then
  local node, at = ARGV[6], math.min(tonumber(ARGV[7]), now)
  local was = connected()
  local n = 0
  for id, e in pairs(sessions) do
    if owner(e) == node then
      n = n + 1
      if ARGV[8] == '1' then redis.call('HSET', KEYS[5], id, e) end
      del(id)
    end
  end
  if n > 0 and was then lost(true, at) end
  if ARGV[8] == '1' then
    redis.call('PEXPIRE', KEYS[5], 3600000)
    local list = redis.call('HGETALL', KEYS[5])
    for i = 1, #list, 2 do
      if owner(list[i + 1]) == node then
        found[#found + 1] = list[i]
        found[#found + 1] = list[i + 1]
      end
    end
  end
elseif op == 'grace' then
  if online and ends > 0 and ends <= now and not connected() then offline() end
elseif op == 'routes' then
  if next(sessions) then redis.call('SADD', KEYS[3], self) end
elseif op ~= 'state' then
  return redis.error_reply('ERR no such op')
end

local tell, watchers = {}, {}
if routed or changed then
  ver = math.max(ver + 1, us)
  redis.call('HSET', KEYS[2], 'online', online and '1' or '0', 'until', string.format('%.0f', ends),
    'seen', string.format('%.0f', seen), 'ver', string.format('%.0f', ver))
  if online then
    redis.call('PERSIST', KEYS[2])
  else
    redis.call('PEXPIRE', KEYS[2], ARGV[5])
  end
end
if routed or changed or op == 'state' then
  watchers = redis.call('SMEMBERS', KEYS[4])
end
if routed then
  tell = redis.call('SMEMBERS', KEYS[3])
  redis.call('DEL', KEYS[3])
end
if next(sessions) and (routed or op == 'put') then
  redis.call('SADD', KEYS[3], self) -- it has them from this answer
end
flat = {}
for id, e in pairs(sessions) do
  flat[#flat + 1] = id
  flat[#flat + 1] = e
end
return { changed and 1 or 0, online ~= wasOnline and 1 or 0, ver, online and 1 or 0, ends, seen, flat, tell, watchers, found }
