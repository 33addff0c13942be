-- What the ledger is searched by. The columns are read out of the body, which never changes, so
-- that nobody has to write them, and entries that were sealed before have them as well.
-- Each index ends with the time of the end: it finds the last ended first, within any period.

ALTER TABLE ledger ADD COLUMN workspace TEXT
    GENERATED ALWAYS AS (body ->> '$.key.workspace') VIRTUAL;
ALTER TABLE ledger ADD COLUMN profile TEXT
    GENERATED ALWAYS AS (body ->> '$.key.profile') VIRTUAL;
ALTER TABLE ledger ADD COLUMN owner_id TEXT
    GENERATED ALWAYS AS (
        CASE body ->> '$.lifecycle' WHEN 'interactive' THEN 'interactive' ELSE body ->> '$.actor' END
    ) VIRTUAL;
ALTER TABLE ledger ADD COLUMN supervisor_id TEXT
    GENERATED ALWAYS AS (body ->> '$.supervisor') VIRTUAL;
ALTER TABLE ledger ADD COLUMN machine_id TEXT
    GENERATED ALWAYS AS (body ->> '$.machine.id') VIRTUAL;

-- By name and not by workspace_id: an entry outlives its workspace.
CREATE INDEX ledger_by_workspace ON ledger (workspace, profile, ended_at_ms);
CREATE INDEX ledger_by_owner ON ledger (owner_id, ended_at_ms);
CREATE INDEX ledger_by_supervisor ON ledger (supervisor_id, ended_at_ms)
    WHERE supervisor_id IS NOT NULL;
CREATE INDEX ledger_by_machine ON ledger (machine_id, ended_at_ms) WHERE machine_id IS NOT NULL;
CREATE INDEX ledger_by_cause ON ledger (cause, ended_at_ms);
