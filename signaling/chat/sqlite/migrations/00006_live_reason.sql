-- +goose Up
-- Why a live call ends if its process dies.
ALTER TABLE live_calls ADD COLUMN reason TEXT NOT NULL DEFAULT 'lost';

-- Calls that their callee was not to hear of were kept under a name of nobody,
-- \x01caller\x01callee, and stayed when the callee was erased.
UPDATE live_calls SET reason = 'unheard:' || reason, callee = substr(callee, instr(substr(callee, 2), char(1)) + 2)
    WHERE callee >= char(1) AND callee < char(2);
UPDATE calls SET reason = 'unheard:' || reason, missed = 0, callee = substr(callee, instr(substr(callee, 2), char(1)) + 2)
    WHERE callee >= char(1) AND callee < char(2);

-- +goose Down
ALTER TABLE live_calls DROP COLUMN reason;
