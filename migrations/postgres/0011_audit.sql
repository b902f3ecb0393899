-- Who did what, to be looked through and never changed. The same as migrations/sqlite; only the types are PostgreSQL's.

-- On what: a charge point, an account, a card. With this collation lower() touches ASCII only, as in SQLite.
ALTER TABLE audit ADD COLUMN subject TEXT COLLATE "C" NOT NULL DEFAULT '';
-- Of `name (token)` the name, and of `settings.save` what stands before the point.
ALTER TABLE audit ADD COLUMN account TEXT COLLATE "C" GENERATED ALWAYS AS (
    lower(split_part(actor, ' (', 1) COLLATE "C")
) STORED;
ALTER TABLE audit ADD COLUMN area TEXT COLLATE "C" GENERATED ALWAYS AS (split_part(action, '.', 1)) STORED;

CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_account ON audit (account, at, id);
CREATE INDEX audit_by_area ON audit (area, at, id);
CREATE INDEX audit_by_action ON audit (action, at, id);
CREATE INDEX audit_by_subject ON audit (lower(subject), at, id);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
