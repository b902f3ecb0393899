-- What happened at a charge point: the newest of each are kept.
CREATE TABLE charge_point_event (
    id INTEGER PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    happened_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    connector INTEGER,
    status TEXT,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX charge_point_event_by_charge_point ON charge_point_event (charge_point, id);
