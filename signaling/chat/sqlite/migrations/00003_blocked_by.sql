-- +goose Up
-- Who has blocked a user.
CREATE INDEX blocks_other ON blocks (other, user);

-- +goose Down
DROP INDEX blocks_other;
