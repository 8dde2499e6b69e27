-- Events that wait for an endpoint. head: nothing older of its lane is there.
CREATE TABLE entries (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint TEXT NOT NULL,
  id       TEXT NOT NULL,
  lane     TEXT NOT NULL,
  type     TEXT NOT NULL,
  body     BLOB NOT NULL,
  created  INTEGER NOT NULL, -- ms
  due      INTEGER NOT NULL, -- ms; while it is claimed, the end of the lease
  claimed  INTEGER NOT NULL DEFAULT 0,
  head     INTEGER NOT NULL,
  tries    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entries_due ON entries (endpoint, due, seq) WHERE head = 1;
CREATE INDEX entries_lane ON entries (endpoint, lane, seq);
CREATE INDEX entries_age ON entries (endpoint, seq);

-- The ids that an endpoint's queue has had.
CREATE TABLE seen (
  endpoint TEXT NOT NULL,
  id       TEXT NOT NULL,
  at       INTEGER NOT NULL, -- ms
  PRIMARY KEY (endpoint, id)
) WITHOUT ROWID;
CREATE INDEX seen_at ON seen (at);

CREATE TABLE endpoints (
  endpoint TEXT PRIMARY KEY,
  off      INTEGER NOT NULL DEFAULT 0,
  rest     INTEGER NOT NULL DEFAULT 0 -- ms: nothing is claimed before
) WITHOUT ROWID;
