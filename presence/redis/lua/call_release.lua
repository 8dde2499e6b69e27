-- Takes a call from one of its users (lib_release.lua).
--
-- KEYS[1]  string: the user's mark
-- KEYS[2]  sorted set: the user's live calls, if there are several
-- KEYS[3]  string: id of the call that ended last
-- ARGV[1]  "<call id> <role> <start>"
-- ARGV[2]  the call's id, if it has ended; else ''
-- ARGV[3]  how long it is known as the last one, ms
release(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3])
return 1
