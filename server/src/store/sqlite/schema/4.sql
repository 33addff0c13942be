-- What version 4 adds: how workspaces came to be known, and workspaces that are deleted. Of a
-- deleted one nothing is left but its name, by which its events are found, and that goes with
-- the last of them. While it is there, a new workspace of that name takes its place.

ALTER TABLE workspace ADD COLUMN origin TEXT; -- as JSON; absent where it is not known
ALTER TABLE workspace ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX workspace_by_deletion ON workspace (id) WHERE deleted = 1;

ALTER TABLE meta ADD COLUMN workspaces INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET workspaces = (SELECT count(*) FROM workspace);
