-- What version 8 adds: the keys of the sessions whose expiry is recorded, so that a page of stale
-- workspaces is one range of keys, however many workspaces there are and however many of them are
-- stale. The triggers keep it; they do nothing where the column stays as it was.

CREATE TABLE expired (
    workspace TEXT    NOT NULL,
    profile   TEXT    NOT NULL,
    id        INTEGER NOT NULL, -- workspace.id
    PRIMARY KEY (workspace, profile)
) STRICT, WITHOUT ROWID;

INSERT INTO expired (workspace, profile, id)
SELECT w.workspace, w.profile, w.id
FROM session s JOIN workspace w ON w.id = s.id
WHERE s.expiry_recorded = 1;

CREATE TRIGGER session_comes_expired AFTER INSERT ON session
WHEN NEW.expiry_recorded = 1
BEGIN
    INSERT INTO expired (workspace, profile, id)
    SELECT workspace, profile, id FROM workspace WHERE id = NEW.id;
END;

CREATE TRIGGER session_expires AFTER UPDATE OF expiry_recorded ON session
WHEN NEW.expiry_recorded = 1 AND OLD.expiry_recorded = 0
BEGIN
    INSERT INTO expired (workspace, profile, id)
    SELECT workspace, profile, id FROM workspace WHERE id = NEW.id;
END;

CREATE TRIGGER session_revives AFTER UPDATE OF expiry_recorded ON session
WHEN NEW.expiry_recorded = 0 AND OLD.expiry_recorded = 1
BEGIN
    DELETE FROM expired
    WHERE (workspace, profile) = (SELECT workspace, profile FROM workspace WHERE id = NEW.id);
END;

CREATE TRIGGER session_goes_expired AFTER DELETE ON session
WHEN OLD.expiry_recorded = 1
BEGIN
    DELETE FROM expired
    WHERE (workspace, profile) = (SELECT workspace, profile FROM workspace WHERE id = OLD.id);
END;
