-- +goose Up

-- Where the sequence of changes and the clock stand; tag tells this file's
-- cursors from others'.
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    now INTEGER NOT NULL, -- milliseconds; never goes back
    tag BLOB NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, randomblob(4));

-- Places in the sequence at which the clock was put back by a day or more: the
-- messages from one to the next are in the order of their times.
CREATE TABLE shifts (
    n INTEGER PRIMARY KEY
) STRICT;
INSERT INTO shifts VALUES (0);

-- Who talks to whom; a sorts before b. Of what a wrote to b (0), and b to a (1):
-- how many are not seen, how many of these their reader can see, and the place
-- up to which all are.
CREATE TABLE pairs (
    conv INTEGER PRIMARY KEY AUTOINCREMENT,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    unseen0 INTEGER NOT NULL DEFAULT 0,
    unread0 INTEGER NOT NULL DEFAULT 0,
    seen0 INTEGER NOT NULL DEFAULT 0,
    unseen1 INTEGER NOT NULL DEFAULT 0,
    unread1 INTEGER NOT NULL DEFAULT 0,
    seen1 INTEGER NOT NULL DEFAULT 0,
    UNIQUE (a, b)
) STRICT;
CREATE INDEX pairs_b ON pairs (b);

-- n is the place in the sequence at which a message was added, and makes its id;
-- seq is the place of its last change, content that of the last one other than a
-- status. A send writes where the last one did, at the end of the table, and in
-- one or two indexes; that it is delivered overwrites its row and goes into one
-- more. Whoever has seen a message may know that by seen0 and seen1 of the pair.
CREATE TABLE messages (
    n INTEGER PRIMARY KEY,
    conv INTEGER NOT NULL,
    dir INTEGER NOT NULL, -- 0: from a to b
    sender TEXT NOT NULL,
    receiver TEXT NOT NULL,
    status INTEGER NOT NULL DEFAULT 2, -- 2 sent, 3 delivered, 4 seen
    hidden INTEGER NOT NULL, -- 1 for the sender, 2 for the receiver
    seq INTEGER NOT NULL,
    content INTEGER NOT NULL,
    rev INTEGER NOT NULL DEFAULT 0, -- counts changes by rules
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    text TEXT NOT NULL,
    media TEXT NOT NULL,
    reply_id TEXT,
    reply_text TEXT,
    client_id TEXT,
    reactions TEXT, -- JSON
    edits TEXT      -- JSON
) STRICT;
-- History, and the part of the journal that has not changed: by n, which every
-- index ends with.
CREATE INDEX messages_conv ON messages (conv);
-- The rest of the journal.
CREATE INDEX messages_changed ON messages (conv, seq) WHERE seq <> n;
CREATE UNIQUE INDEX messages_client ON messages (sender, client_id) WHERE client_id IS NOT NULL;

-- What a user's devices hear of messages that are no more, or hidden from them.
CREATE TABLE gone (
    user TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_at ON gone (at);

-- "All seen": one row for each of the two, however many messages were meant.
CREATE TABLE seen (
    user TEXT NOT NULL,
    author TEXT NOT NULL,
    reader TEXT NOT NULL,
    seq INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (user, author, reader)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_seq ON seen (user, seq);
CREATE INDEX seen_until ON seen (until);

CREATE TABLE calls (
    id TEXT NOT NULL PRIMARY KEY,
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    reason TEXT NOT NULL,
    video INTEGER NOT NULL,
    started INTEGER NOT NULL,
    answered INTEGER NOT NULL, -- 0: never
    ended INTEGER NOT NULL,
    duration INTEGER NOT NULL, -- milliseconds
    caller_device TEXT NOT NULL,
    callee_device TEXT NOT NULL,
    next TEXT NOT NULL,
    missed INTEGER NOT NULL
) STRICT;
CREATE INDEX calls_caller ON calls (caller, ended, id);
CREATE INDEX calls_callee ON calls (callee, ended, id);
CREATE INDEX calls_missed ON calls (callee, ended) WHERE missed;
CREATE INDEX calls_ended ON calls (ended);

-- Until when users have looked at their missed calls.
CREATE TABLE looked (
    user TEXT NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    user TEXT NOT NULL,
    other TEXT NOT NULL,
    PRIMARY KEY (user, other)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE blocks;
DROP TABLE looked;
DROP TABLE calls;
DROP TABLE seen;
DROP TABLE gone;
DROP TABLE messages;
DROP TABLE pairs;
DROP TABLE shifts;
DROP TABLE meta;
