-- Who did what, to be looked through and never changed. The same as migrations/postgres; only the types are SQLite's.

-- On what: a charge point, an account, a card.
ALTER TABLE audit ADD COLUMN subject TEXT NOT NULL DEFAULT '';
-- Of `name (token)` the name, and of `settings.save` what stands before the point.
ALTER TABLE audit ADD COLUMN account TEXT GENERATED ALWAYS AS (
    lower(CASE WHEN instr(actor, ' (') > 0 THEN substr(actor, 1, instr(actor, ' (') - 1) ELSE actor END)
) VIRTUAL;
ALTER TABLE audit ADD COLUMN area TEXT GENERATED ALWAYS AS (
    CASE WHEN instr(action, '.') > 0 THEN substr(action, 1, instr(action, '.') - 1) ELSE action END
) VIRTUAL;

-- In each of these, the rows of one key and one time are in the order of their ids.
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_account ON audit (account, at);
CREATE INDEX audit_by_area ON audit (area, at);
CREATE INDEX audit_by_action ON audit (action, at);
CREATE INDEX audit_by_subject ON audit (lower(subject), at);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- `INSERT OR REPLACE` asks no trigger of DELETE.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
