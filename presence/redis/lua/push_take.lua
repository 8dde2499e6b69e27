-- Takes all browsers of a user away.
--
-- KEYS[1]  hash: the subscriptions by device
--
-- Returns what it was, fields and values in turn.
local all = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
return all
