-- Current distribution: what an operator says of it, and what was planned. The same tables as migrations/postgres.
CREATE TABLE distribution (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- A on each phase.
    headroom INTEGER NOT NULL CHECK (headroom BETWEEN 0 AND 100),
    -- A on each phase.
    safe INTEGER NOT NULL CHECK (safe = 0 OR safe BETWEEN 6 AND 80),
    -- Minutes.
    turn INTEGER NOT NULL CHECK (turn BETWEEN 5 AND 1440),
    has_meter INTEGER NOT NULL CHECK (has_meter IN (0, 1))
) STRICT;

-- How charge points are connected, where it is said.
CREATE TABLE wiring (
    charge_point INTEGER PRIMARY KEY REFERENCES charge_point (id),
    phase_sequence TEXT CHECK (phase_sequence IN ('ABC', 'ACB', 'BAC', 'BCA', 'CAB', 'CBA')),
    reports_rotated INTEGER NOT NULL CHECK (reports_rotated IN (0, 1)),
    -- A.
    cable INTEGER CHECK (cable BETWEEN 6 AND 1000),
    -- A.
    most INTEGER CHECK (most BETWEEN 0 AND 1000),
    is_apart INTEGER NOT NULL CHECK (is_apart IN (0, 1))
) STRICT;

-- Moments of the distribution: what was known and planned, as whoever keeps them has packed it.
CREATE TABLE distribution_moment (
    at INTEGER PRIMARY KEY,
    moment BLOB NOT NULL
) STRICT;
