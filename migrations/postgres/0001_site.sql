-- Instants: ms since 1970-01-01T00:00:00Z. Energy: Wh. Days: days since 1970-01-01 in the site's zone.
-- The same tables as migrations/sqlite; only the types are PostgreSQL's.

CREATE TABLE site (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The IANA zone that every ..._day column was computed with.
    zone TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    card_reader_port TEXT NOT NULL,
    installation_year INTEGER NOT NULL CHECK (installation_year BETWEEN 1901 AND 2155),
    installation_month INTEGER NOT NULL CHECK (installation_month BETWEEN 0 AND 1200),
    current_distribution BOOLEAN NOT NULL,
    meter_port TEXT NOT NULL,
    phase_sequence TEXT NOT NULL CHECK (phase_sequence IN ('ABC', 'ACB', 'BAC', 'BCA', 'CAB', 'CBA')),
    currency INTEGER NOT NULL CHECK (currency BETWEEN 0 AND 999),
    energy_step DOUBLE PRECISION NOT NULL CHECK (energy_step >= 0),
    time_step INTEGER NOT NULL CHECK (time_step >= 0),
    priority_per_energy_step INTEGER NOT NULL CHECK (priority_per_energy_step >= 0),
    priority_per_time_step INTEGER NOT NULL CHECK (priority_per_time_step >= 0),
    energy_per_count DOUBLE PRECISION NOT NULL CHECK (energy_per_count > 0),
    internal_testing BOOLEAN NOT NULL,
    max_current_a INTEGER NOT NULL CHECK (max_current_a BETWEEN 0 AND 10000),
    max_current_b INTEGER NOT NULL CHECK (max_current_b BETWEEN 0 AND 10000),
    max_current_c INTEGER NOT NULL CHECK (max_current_c BETWEEN 0 AND 10000)
);

CREATE TABLE model (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL CHECK (id <> ''),
    max_current DOUBLE PRECISION,
    min_current DOUBLE PRECISION,
    phases INTEGER
);

CREATE TABLE charge_point (
    -- Given in the order in which they were added.
    id INTEGER PRIMARY KEY,
    identity TEXT COLLATE "C" NOT NULL UNIQUE CHECK (identity <> ''),
    -- May be empty, and may name a model that is not known: no foreign key.
    model_id TEXT NOT NULL,
    vendor TEXT,
    serial_number TEXT,
    firmware_version TEXT,
    total_energy_wh BIGINT CHECK (total_energy_wh >= 0),
    total_time_ms BIGINT CHECK (total_time_ms >= 0),
    ip TEXT,
    mac TEXT,
    -- The highest running number that one of its sessions ever had.
    last_cycle INTEGER NOT NULL DEFAULT 0 CHECK (last_cycle >= 0)
);

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
    last_contact BIGINT
);

CREATE TABLE connector (
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    -- From 1; 0 is the whole charge point.
    number INTEGER NOT NULL CHECK (number >= 0),
    status TEXT,
    error_code TEXT,
    info TEXT,
    updated_at BIGINT,
    PRIMARY KEY (charge_point, number)
);

CREATE TABLE "transaction" (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 2147483647),
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    connector INTEGER CHECK (connector >= 1),
    cycle INTEGER CHECK (cycle >= 0),
    queued_at BIGINT,
    started_at BIGINT,
    planned_finish BIGINT,
    finished_at BIGINT,
    energy_wh BIGINT NOT NULL CHECK (energy_wh >= 0),
    -- With this collation lower() touches ASCII only, as in SQLite.
    id_tag TEXT COLLATE "C",
    -- The day that it is listed on: of its finish, else of its start, else of its queueing.
    listed_day INTEGER CHECK ((listed_day IS NULL) = (coalesce(finished_at, started_at, queued_at) IS NULL)),
    -- The day that its energy counts for: of its finish, else of the planned one.
    counted_day INTEGER CHECK ((counted_day IS NULL) = (coalesce(finished_at, planned_finish) IS NULL))
);
CREATE INDEX transaction_by_charge_point ON "transaction" (charge_point, id);
CREATE INDEX transaction_by_listed_day ON "transaction" (listed_day, id);
CREATE INDEX transaction_by_planned_finish ON "transaction" (planned_finish, id) WHERE planned_finish IS NOT NULL;
CREATE INDEX transaction_by_id_tag ON "transaction" (lower(id_tag), id) WHERE id_tag IS NOT NULL;
CREATE INDEX transaction_unfinished ON "transaction" (id) WHERE finished_at IS NULL;

CREATE TABLE meter_value (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    connector INTEGER NOT NULL CHECK (connector >= 0),
    transaction_id INTEGER REFERENCES "transaction" (id),
    measured_at BIGINT NOT NULL,
    energy_wh BIGINT,
    current_l1 DOUBLE PRECISION,
    current_l2 DOUBLE PRECISION,
    current_l3 DOUBLE PRECISION,
    offered DOUBLE PRECISION,
    power DOUBLE PRECISION
);
CREATE INDEX meter_value_by_charge_point ON meter_value (charge_point, measured_at, id);
CREATE INDEX meter_value_by_transaction ON meter_value (transaction_id, measured_at, id) WHERE transaction_id IS NOT NULL;

-- Sums over the sessions that count for a day. A row is there as long as there is such a session.
CREATE TABLE energy_by_day (
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    day INTEGER NOT NULL,
    sessions BIGINT NOT NULL CHECK (sessions >= 0),
    energy_wh BIGINT NOT NULL CHECK (energy_wh >= 0),
    PRIMARY KEY (charge_point, day)
);

-- Totals of the sessions that are listed on a day (-2147483648: on none), so that a list of a million knows its own
-- length, and between which ids it lies. The ids only bound those of the sessions; rebuilding draws them tight.
CREATE TABLE session_by_day (
    day INTEGER NOT NULL,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    finished BOOLEAN NOT NULL,
    sessions BIGINT NOT NULL CHECK (sessions >= 0),
    energy_wh BIGINT NOT NULL CHECK (energy_wh >= 0),
    time_ms BIGINT NOT NULL CHECK (time_ms >= 0),
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    PRIMARY KEY (day, charge_point, finished)
);
CREATE INDEX session_by_day_of_charge_point ON session_by_day (charge_point, day);

CREATE TABLE command (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    action TEXT NOT NULL,
    arguments TEXT NOT NULL CHECK (arguments::json IS NOT NULL),
    state TEXT NOT NULL CHECK (state IN (
        'queued', 'sent', 'accepted', 'rejected', 'failed', 'timed_out', 'offline', 'effective', 'no_effect'
    )),
    result TEXT CHECK (result IS NULL OR result::json IS NOT NULL),
    -- Asking for the same again with the same key gives the same command.
    idempotency_key TEXT UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX command_by_charge_point ON command (charge_point);
-- At most one of a kind is pending for a charge point.
CREATE UNIQUE INDEX command_pending ON command (charge_point, action) WHERE state IN ('queued', 'sent');

CREATE TABLE audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
);
