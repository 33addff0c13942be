-- What version 2 adds: what surrounds a session. A part that is empty has no row, so that a
-- workspace without surroundings costs nothing.

-- What beats have to tell of the surroundings; read with the session, and survives it.
CREATE TABLE signals (
    id   INTEGER PRIMARY KEY, -- workspace.id
    body TEXT NOT NULL
) STRICT;

-- The open escalations; of one workspace in the order of their ids. The key is repeated, so
-- that a page of all escalations is one range of one index.
CREATE TABLE escalation (
    id            INTEGER PRIMARY KEY,
    workspace_id  INTEGER NOT NULL,
    workspace     TEXT    NOT NULL,
    profile       TEXT    NOT NULL,
    escalation_id TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    UNIQUE (workspace, profile, escalation_id)
) STRICT;
CREATE INDEX escalation_by_workspace ON escalation (workspace_id);
CREATE INDEX escalation_by_kind ON escalation (kind, workspace, profile, escalation_id);

CREATE TABLE gates (
    id   INTEGER PRIMARY KEY, -- workspace.id
    body TEXT NOT NULL -- the whole list; its revision is in the signals
) STRICT;

CREATE TABLE handoff (
    id   INTEGER PRIMARY KEY, -- workspace.id
    body TEXT NOT NULL
) STRICT;

-- Two halves, each written by itself.
CREATE TABLE progress (
    id           INTEGER PRIMARY KEY, -- workspace.id
    work_streams TEXT,
    usage        TEXT
) STRICT;

CREATE TABLE baseline (
    id   INTEGER PRIMARY KEY, -- workspace.id
    body TEXT NOT NULL
) STRICT;

-- Content comes last, so that what stands before it is read without it. A digest is blake3.
CREATE TABLE checkpoint (
    id      INTEGER PRIMARY KEY, -- workspace.id
    origin  TEXT NOT NULL, -- everything but the content, as JSON
    digest  BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE section (
    id           INTEGER PRIMARY KEY,
    workspace_id INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    digest       BLOB    NOT NULL,
    content      BLOB    NOT NULL,
    UNIQUE (workspace_id, name)
) STRICT;
