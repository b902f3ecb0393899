-- What charge points tell by themselves. The same tables as migrations/postgres; only the types are SQLite's.

-- The number of the last batch of writes: one whose outcome is not known is not written twice.
ALTER TABLE site ADD COLUMN last_batch INTEGER NOT NULL DEFAULT 0;

-- A session's start and stop by the charge point's own clock, believed or not, when they arrived, and its register, Wh.
ALTER TABLE "transaction" ADD COLUMN told_start INTEGER;
ALTER TABLE "transaction" ADD COLUMN received_start INTEGER;
ALTER TABLE "transaction" ADD COLUMN register_start INTEGER;
ALTER TABLE "transaction" ADD COLUMN told_stop INTEGER;
ALTER TABLE "transaction" ADD COLUMN received_stop INTEGER;
ALTER TABLE "transaction" ADD COLUMN register_stop INTEGER;
ALTER TABLE "transaction" ADD COLUMN stop_reason TEXT;
-- It lost its stop; a late one still counts.
ALTER TABLE "transaction" ADD COLUMN end_assumed INTEGER NOT NULL DEFAULT 0 CHECK (end_assumed IN (0, 1));
CREATE INDEX transaction_by_told_start ON "transaction" (charge_point, told_start) WHERE told_start IS NOT NULL;

-- The register as it was told, Wh, when it arrived, and the time that was told where it is not believed.
ALTER TABLE meter_value ADD COLUMN register_wh INTEGER;
ALTER TABLE meter_value ADD COLUMN received_at INTEGER;
ALTER TABLE meter_value ADD COLUMN claimed_at INTEGER;

-- The documented state of a connector.
ALTER TABLE connector ADD COLUMN state TEXT;

-- What an operator should see.
CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    found_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    connector INTEGER,
    transaction_id INTEGER REFERENCES "transaction" (id),
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX finding_by_charge_point ON finding (charge_point);

-- Raw frames, some of one charge point in each row: compressed lines of text, oldest first.
CREATE TABLE frame_part (
    id INTEGER PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    frames INTEGER NOT NULL CHECK (frames > 0),
    lines BLOB NOT NULL
) STRICT;
CREATE INDEX frame_part_by_charge_point ON frame_part (charge_point, id);

CREATE TABLE card (
    -- In lower case: cards are equal ignoring case.
    key TEXT PRIMARY KEY NOT NULL CHECK (key <> ''),
    tag TEXT NOT NULL,
    card_group TEXT,
    blocked INTEGER NOT NULL CHECK (blocked IN (0, 1)),
    expires_at INTEGER,
    note TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What became of a command, step by step: JSON, [[state, ms], …].
ALTER TABLE command ADD COLUMN history TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(history));
