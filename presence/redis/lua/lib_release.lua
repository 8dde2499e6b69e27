-- Takes a call from one of its users. A mark that points to it goes to the
-- earliest of the user's other calls.
--
-- mark     string: the user's mark, "<call id> <role> <start>"
-- live     sorted set: the same of the live calls of a user who has several, or had
-- last     string: id of the call that ended last
-- pointer  "<call id> <role> <start>"
-- id       the call's id, if it has ended; else '': it never was
-- keep     how long it is known as the last one, ms
local function release(mark, live, last, pointer, id, keep)
  local have = redis.call('GETDEL', mark)
  local stays = have ~= pointer and have
  local others = redis.call('ZRANGE', live, 0, 1)
  if others[1] then
    redis.call('ZREM', live, pointer)
    if have == pointer then
      stays = others[1] ~= pointer and others[1] or others[2]
    end
  end
  if stays then
    redis.call('SET', mark, stays)
  end
  if id ~= '' then
    redis.call('SET', last, id, 'PX', keep)
  end
end
