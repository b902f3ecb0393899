-- Files that charge points upload when they are asked for diagnostics. The same tables as migrations/postgres; only the types are
-- SQLite's.

CREATE TABLE diagnostics_file (
    -- Never given again: a link to a file that is gone leads to no other one.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    command_id INTEGER NOT NULL REFERENCES command (id),
    -- On its way, whole, or given up: of the last only the parts are still there, to be taken away a few at a time.
    state TEXT NOT NULL CHECK (state IN ('receiving', 'whole', 'dropped')),
    name TEXT NOT NULL DEFAULT '',
    -- Bytes of its parts so far.
    size INTEGER NOT NULL DEFAULT 0,
    received_at INTEGER
) STRICT;
CREATE INDEX diagnostics_file_by_charge_point ON diagnostics_file (charge_point, id);

-- Their bytes, in parts of bounded size, numbered from 0.
CREATE TABLE diagnostics_part (
    file_id INTEGER NOT NULL REFERENCES diagnostics_file (id),
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (file_id, number)
) STRICT;
