-- +goose Up

-- Browsers that get pushes (package push).
CREATE TABLE subscriptions (
    user TEXT NOT NULL,
    device TEXT NOT NULL,
    endpoint TEXT NOT NULL UNIQUE,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    n INTEGER NOT NULL,     -- place in the order of registration
    since INTEGER NOT NULL, -- milliseconds
    PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE subscriptions;
