-- Instants: ms since 1970-01-01T00:00:00Z. Energy: Wh. Days: days since 1970-01-01 in the site's zone.
-- The same tables as migrations/postgres; only the types are SQLite's.

CREATE TABLE site (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The IANA zone that every ..._day column was computed with.
    zone TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    card_reader_port TEXT NOT NULL,
    installation_year INTEGER NOT NULL CHECK (installation_year BETWEEN 1901 AND 2155),
    installation_month INTEGER NOT NULL CHECK (installation_month BETWEEN 0 AND 1200),
    current_distribution INTEGER NOT NULL CHECK (current_distribution IN (0, 1)),
    meter_port TEXT NOT NULL,
    phase_sequence TEXT NOT NULL CHECK (phase_sequence IN ('ABC', 'ACB', 'BAC', 'BCA', 'CAB', 'CBA')),
    currency INTEGER NOT NULL CHECK (currency BETWEEN 0 AND 999),
    energy_step REAL NOT NULL CHECK (energy_step >= 0),
    time_step INTEGER NOT NULL CHECK (time_step >= 0),
    priority_per_energy_step INTEGER NOT NULL CHECK (priority_per_energy_step >= 0),
    priority_per_time_step INTEGER NOT NULL CHECK (priority_per_time_step >= 0),
    energy_per_count REAL NOT NULL CHECK (energy_per_count > 0),
    internal_testing INTEGER NOT NULL CHECK (internal_testing IN (0, 1)),
    max_current_a INTEGER NOT NULL CHECK (max_current_a BETWEEN 0 AND 10000),
    max_current_b INTEGER NOT NULL CHECK (max_current_b BETWEEN 0 AND 10000),
    max_current_c INTEGER NOT NULL CHECK (max_current_c BETWEEN 0 AND 10000)
) STRICT;

CREATE TABLE model (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> ''),
    max_current REAL,
    min_current REAL,
    phases INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE charge_point (
    -- Given in the order in which they were added.
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE CHECK (identity <> ''),
    -- May be empty, and may name a model that is not known: no foreign key.
    model_id TEXT NOT NULL,
    vendor TEXT,
    serial_number TEXT,
    firmware_version TEXT,
    total_energy_wh INTEGER CHECK (total_energy_wh >= 0),
    total_time_ms INTEGER CHECK (total_time_ms >= 0),
    ip TEXT,
    mac TEXT,
    -- The highest running number that one of its sessions ever had.
    last_cycle INTEGER NOT NULL DEFAULT 0 CHECK (last_cycle >= 0)
) STRICT;

CREATE TABLE charge_point_state (
    charge_point INTEGER PRIMARY KEY REFERENCES charge_point (id),
    state TEXT,
    command TEXT,
    socket TEXT,
    current_offered INTEGER,
    current_limit INTEGER,
    current_drawn INTEGER,
    session_energy INTEGER,
    session_minutes INTEGER,
    phases INTEGER,
    last_contact INTEGER
) STRICT;

CREATE TABLE connector (
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    -- From 1; 0 is the whole charge point.
    number INTEGER NOT NULL CHECK (number >= 0),
    status TEXT,
    error_code TEXT,
    info TEXT,
    updated_at INTEGER,
    PRIMARY KEY (charge_point, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE "transaction" (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 2147483647),
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    connector INTEGER CHECK (connector >= 1),
    cycle INTEGER CHECK (cycle >= 0),
    queued_at INTEGER,
    started_at INTEGER,
    planned_finish INTEGER,
    finished_at INTEGER,
    energy_wh INTEGER NOT NULL CHECK (energy_wh >= 0),
    id_tag TEXT,
    -- The day that it is listed on: of its finish, else of its start, else of its queueing.
    listed_day INTEGER CHECK ((listed_day IS NULL) = (coalesce(finished_at, started_at, queued_at) IS NULL)),
    -- The day that its energy counts for: of its finish, else of the planned one.
    counted_day INTEGER CHECK ((counted_day IS NULL) = (coalesce(finished_at, planned_finish) IS NULL))
) STRICT;
-- In each of these, the rows of one key are in the order of their ids.
CREATE INDEX transaction_by_charge_point ON "transaction" (charge_point);
CREATE INDEX transaction_by_listed_day ON "transaction" (listed_day);
CREATE INDEX transaction_by_planned_finish ON "transaction" (planned_finish) WHERE planned_finish IS NOT NULL;
CREATE INDEX transaction_by_id_tag ON "transaction" (lower(id_tag)) WHERE id_tag IS NOT NULL;
CREATE INDEX transaction_unfinished ON "transaction" (id) WHERE finished_at IS NULL;

CREATE TABLE meter_value (
    id INTEGER PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    connector INTEGER NOT NULL CHECK (connector >= 0),
    transaction_id INTEGER REFERENCES "transaction" (id),
    measured_at INTEGER NOT NULL,
    energy_wh INTEGER,
    current_l1 REAL,
    current_l2 REAL,
    current_l3 REAL,
    offered REAL,
    power REAL
) STRICT;
CREATE INDEX meter_value_by_charge_point ON meter_value (charge_point, measured_at);
CREATE INDEX meter_value_by_transaction ON meter_value (transaction_id, measured_at) WHERE transaction_id IS NOT NULL;

-- Sums over the sessions that count for a day. A row is there as long as there is such a session.
CREATE TABLE energy_by_day (
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    day INTEGER NOT NULL,
    sessions INTEGER NOT NULL CHECK (sessions >= 0),
    energy_wh INTEGER NOT NULL CHECK (energy_wh >= 0),
    PRIMARY KEY (charge_point, day)
) STRICT, WITHOUT ROWID;

-- Totals of the sessions that are listed on a day (-2147483648: on none), so that a list of a million knows its own
-- length, and between which ids it lies. The ids only bound those of the sessions; rebuilding draws them tight.
CREATE TABLE session_by_day (
    day INTEGER NOT NULL,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
    sessions INTEGER NOT NULL CHECK (sessions >= 0),
    energy_wh INTEGER NOT NULL CHECK (energy_wh >= 0),
    time_ms INTEGER NOT NULL CHECK (time_ms >= 0),
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    PRIMARY KEY (day, charge_point, finished)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_day_of_charge_point ON session_by_day (charge_point, day);

CREATE TABLE command (
    id INTEGER PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    action TEXT NOT NULL,
    arguments TEXT NOT NULL CHECK (json_valid(arguments)),
    state TEXT NOT NULL CHECK (state IN (
        'queued', 'sent', 'accepted', 'rejected', 'failed', 'timed_out', 'offline', 'effective', 'no_effect'
    )),
    result TEXT CHECK (json_valid(result)),
    -- Asking for the same again with the same key gives the same command.
    idempotency_key TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX command_by_charge_point ON command (charge_point);
-- At most one of a kind is pending for a charge point.
CREATE UNIQUE INDEX command_pending ON command (charge_point, action) WHERE state IN ('queued', 'sent');

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
) STRICT;
