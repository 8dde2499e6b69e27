-- Takes a call from one of its users. A mark that points to it goes to the
-- earliest of the user's other calls.
--
-- mark     string: the user's mark, "<call id> <role>"
-- live     sorted set: "<call id> <role>" of live calls, by their start
-- last     string: id of the call that ended last
-- pointer  "<call id> <role>"
-- id       the call's id, if it has ended; else '': it never was
-- keep     how long it is known as the last one, ms
local function release(mark, live, last, pointer, id, keep)
  redis.call('ZREM', live, pointer)
  if redis.call('GET', mark) == pointer then
    local other = redis.call('ZRANGE', live, 0, 0)[1]
    if other then
      redis.call('SET', mark, other)
    else
      redis.call('DEL', mark)
    end
  end
  if id ~= '' then
    redis.call('SET', last, id, 'PX', keep)
  end
end
