-- What an operator must hear of. The same as migrations/sqlite; only the types are PostgreSQL's.
CREATE TABLE alert (
    id BIGINT PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    -- What the charge point calls it; empty for nothing.
    code TEXT COLLATE "C" NOT NULL,
    charge_point INTEGER REFERENCES charge_point (id),
    transaction_id INTEGER,
    phase TEXT COLLATE "C",
    detail TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    times INTEGER NOT NULL,
    -- Of one that is open there is none.
    ended_at BIGINT,
    acknowledged_at BIGINT,
    acknowledged_by TEXT COLLATE "C"
);
CREATE INDEX alert_open ON alert (id) WHERE ended_at IS NULL;
CREATE INDEX alert_by_end ON alert (ended_at, id) WHERE ended_at IS NOT NULL;
