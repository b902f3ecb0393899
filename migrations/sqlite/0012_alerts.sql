-- What an operator must hear of. The same as migrations/postgres; only the types are SQLite's.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    -- What the charge point calls it; empty for nothing.
    code TEXT NOT NULL,
    charge_point INTEGER REFERENCES charge_point (id),
    transaction_id INTEGER,
    phase TEXT,
    detail TEXT NOT NULL,
    since INTEGER NOT NULL,
    times INTEGER NOT NULL,
    -- Of one that is open there is none.
    ended_at INTEGER,
    acknowledged_at INTEGER,
    acknowledged_by TEXT
) STRICT;
CREATE INDEX alert_open ON alert (id) WHERE ended_at IS NULL;
CREATE INDEX alert_by_end ON alert (ended_at, id) WHERE ended_at IS NOT NULL;
