-- What happened at a charge point: the newest of each are kept.
CREATE TABLE charge_point_event (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    charge_point INTEGER NOT NULL REFERENCES charge_point (id),
    happened_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    connector INTEGER,
    status TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX charge_point_event_by_charge_point ON charge_point_event (charge_point, id);
