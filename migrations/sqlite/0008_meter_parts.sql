-- Meter values are by far the most that is written. They come in with the batch that brings them, all of it in one row, and are
-- laid together by charge point now and then: so one costs a fraction of a row and of its place in an index.
-- The same tables as migrations/postgres; only the types are SQLite's.

-- Those that are not laid together yet, by the number of their batch.
CREATE TABLE meter_journal (
    batch INTEGER PRIMARY KEY,
    readings BLOB NOT NULL
) STRICT;

-- A stretch of one charge point's, oldest first, compressed. None spans more than a day.
CREATE TABLE meter_part (
    id INTEGER PRIMARY KEY,
    charge_point INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    readings BLOB NOT NULL
) STRICT;
CREATE INDEX meter_part_by_charge_point ON meter_part (charge_point, last_at, first_at);
