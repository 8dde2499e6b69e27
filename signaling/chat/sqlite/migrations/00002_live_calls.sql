-- +goose Up
-- Calls that are live: what is left of them when the process that holds them dies.
CREATE TABLE live_calls (
    id TEXT NOT NULL PRIMARY KEY,
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    video INTEGER NOT NULL,
    started INTEGER NOT NULL,
    answered INTEGER NOT NULL, -- 0: never
    caller_device TEXT NOT NULL,
    callee_device TEXT NOT NULL
) STRICT;

-- When they were last seen to be.
CREATE TABLE live_seen (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    at INTEGER NOT NULL
) STRICT;
INSERT INTO live_seen VALUES (1, 0);

-- +goose Down
DROP TABLE live_seen;
DROP TABLE live_calls;
