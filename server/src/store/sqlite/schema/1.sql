-- The schema of version 1. Times are milliseconds: *_at_ms of wall time since the Unix epoch,
-- expires_at_ms, lease_mark_ms, deadline_ms and keep_until_ms on the lease clock.
-- A `body` is the whole record as JSON; the columns beside it repeat what is searched by.

PRAGMA application_id = 1953396082; -- 0x746e7572, "tnur": names the file as ours

CREATE TABLE meta (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    log_id            TEXT    NOT NULL, -- names the event log
    epoch             INTEGER NOT NULL, -- how often a server has acquired the store
    lease_mark_ms     INTEGER NOT NULL, -- the lease clock, as of the last commit
    revision_floor    INTEGER NOT NULL, -- unknown workspaces start above it
    compacted_through INTEGER NOT NULL, -- the newest sequence that retention has removed
    in_use            INTEGER NOT NULL, -- 1 from acquire until a close in good order
    -- Kept up to date in each commit, so that nobody has to count rows.
    sessions          INTEGER NOT NULL,
    events            INTEGER NOT NULL,
    ordinary_events   INTEGER NOT NULL,
    ledger_entries    INTEGER NOT NULL
) STRICT;

-- Rows are never removed, so ids stay dense and the greatest one is their count.
CREATE TABLE workspace (
    id        INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL,
    profile   TEXT NOT NULL,
    UNIQUE (workspace, profile)
) STRICT;

-- The hot row: all that a heartbeat changes. No index, or each beat would dirty more pages.
CREATE TABLE lease (
    id                INTEGER PRIMARY KEY, -- workspace.id
    version           INTEGER NOT NULL,
    revision          INTEGER NOT NULL,
    last_heartbeat_ms INTEGER,
    expires_at_ms     INTEGER,
    beats             INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
    id              INTEGER PRIMARY KEY, -- workspace.id
    session_id      TEXT,
    lifecycle       TEXT    NOT NULL,
    owner_kind      TEXT    NOT NULL,
    owner_id        TEXT,
    supervisor_id   TEXT,
    machine_id      TEXT,
    expiry_recorded INTEGER NOT NULL,
    body            TEXT    NOT NULL -- beats and renewal are those of the lease row
) STRICT;
CREATE INDEX session_by_expiry ON session (expiry_recorded);
CREATE INDEX session_by_owner ON session (owner_id);
CREATE INDEX session_by_supervisor ON session (supervisor_id) WHERE supervisor_id IS NOT NULL;
CREATE INDEX session_by_machine ON session (machine_id) WHERE machine_id IS NOT NULL;

CREATE TABLE transfer (
    id                   INTEGER PRIMARY KEY, -- workspace.id
    successor_session_id TEXT    NOT NULL,
    deadline_ms          INTEGER NOT NULL,
    body                 TEXT    NOT NULL
) STRICT;

-- AUTOINCREMENT: a sequence is never given twice, not even after the newest event was removed.
CREATE TABLE event (
    sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id INTEGER, -- absent for what concerns the service
    type         TEXT    NOT NULL,
    important    INTEGER NOT NULL, -- 1 if retention keeps it longer
    at_ms        INTEGER NOT NULL,
    body         TEXT    NOT NULL
) STRICT;
CREATE INDEX event_by_workspace ON event (workspace_id) WHERE workspace_id IS NOT NULL;
CREATE INDEX event_by_age ON event (important, at_ms);

CREATE TABLE ledger (
    id          INTEGER PRIMARY KEY,
    session_id  TEXT,
    workspace_id INTEGER NOT NULL,
    cause       TEXT    NOT NULL,
    ended_at_ms INTEGER NOT NULL,
    body        TEXT    NOT NULL
) STRICT;
CREATE INDEX ledger_by_session ON ledger (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX ledger_by_age ON ledger (ended_at_ms);

CREATE TABLE outcome (
    id            INTEGER PRIMARY KEY,
    principal     TEXT    NOT NULL,
    rpc           TEXT    NOT NULL,
    workspace     TEXT    NOT NULL,
    profile       TEXT    NOT NULL,
    request_id    TEXT    NOT NULL,
    digest        BLOB    NOT NULL,
    reply         TEXT    NOT NULL,
    keep_until_ms INTEGER NOT NULL,
    UNIQUE (request_id, principal, rpc, workspace, profile)
) STRICT;
CREATE INDEX outcome_by_age ON outcome (keep_until_ms);

-- For people with a shell: who holds what.
CREATE VIEW holder AS
SELECT w.workspace, w.profile, s.session_id, s.lifecycle, s.owner_kind, s.owner_id,
       s.supervisor_id, s.machine_id, s.expiry_recorded, l.revision, l.beats,
       datetime(l.last_heartbeat_ms / 1000, 'unixepoch') AS last_heartbeat_at,
       l.expires_at_ms - m.lease_mark_ms AS expires_in_ms
FROM session s
JOIN workspace w ON w.id = s.id
JOIN lease l ON l.id = s.id
JOIN meta m ON m.one = 1;
