-- Appends one batch of payloads to a node's inbox (P3).
--
-- KEYS[1]  string: the epoch of the receiving node, gone with its lease
-- KEYS[2]  stream: the inbox of that epoch
-- ARGV[1]  the epoch that the sender means
-- ARGV[2]  how many entries may wait
-- ARGV[3]  after how many milliseconds an inbox that nobody reads is forgotten
-- ARGV[4]  the batch
--
-- Returns 1 when it is in, 0 when the inbox is full, -1 when the node has no
-- lease or another epoch. The reader trims; a writer never does.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
local waiting = redis.call('XLEN', KEYS[2])
if waiting >= tonumber(ARGV[2]) then
  return 0
end
redis.call('XADD', KEYS[2], '*', 'b', ARGV[4])
if waiting == 0 then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
