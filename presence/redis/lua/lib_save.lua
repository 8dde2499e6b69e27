-- Stores the next version of a call, if it follows on the one that is there.
--
-- key      string: the call as package call encodes it: a byte, the version (8
--          bytes), the state (1 byte), the rest
-- until_   until when this may be done, µs
-- was      the version that must be there, 8 bytes
-- record   the new version
-- keep     how long it stays, ms
--
-- Returns the state that it had; 0 if there is no such call, -1 if it has another
-- version; or an error: STALE.
local function save(key, until_, was, record, keep)
  local head = redis.call('GETRANGE', key, 1, 9)
  if head == '' then
    return 0
  end
  if string.sub(head, 1, 8) ~= was then
    return -1
  end
  local t = redis.call('TIME')
  if t[1] * 1000000 + t[2] > tonumber(until_) then
    return redis.error_reply('STALE it came too late')
  end
  redis.call('SET', key, record, 'PX', keep)
  return string.byte(head, 9)
end
