-- What version 5 adds: the machines on which holders run. What a machine holds is counted from
-- the sessions, so beats write nothing here.

CREATE TABLE machine (
    id             INTEGER PRIMARY KEY,
    machine_id     TEXT    NOT NULL UNIQUE,
    host           TEXT    NOT NULL,
    labels         TEXT    NOT NULL, -- a JSON object
    seen_at_ms     INTEGER, -- when it last held a live session, of steps that wrote; wall time
    noted_at_ms    INTEGER NOT NULL, -- retention counts from here; wall time
    cordoned_at_ms INTEGER, -- absent while it is not cordoned; wall time
    cordoned_by    TEXT,
    cordon_reason  TEXT
) STRICT;
CREATE INDEX machine_by_age ON machine (noted_at_ms, machine_id) WHERE cordoned_at_ms IS NULL;
CREATE INDEX machine_by_cordon ON machine (machine_id) WHERE cordoned_at_ms IS NOT NULL;

-- Live and stale sessions of a machine are counted without reading them.
DROP INDEX session_by_machine;
CREATE INDEX session_by_machine ON session (machine_id, expiry_recorded)
    WHERE machine_id IS NOT NULL;

-- The machines of the sessions that are stored already, as the one started last has it.
INSERT INTO machine (machine_id, host, labels, seen_at_ms, noted_at_ms)
SELECT machine_id, coalesce(host, ''), coalesce(labels, '{}'), max(started_at_ms), started_at_ms
FROM (
    SELECT machine_id, body ->> '$.machine.host' AS host, body -> '$.machine.labels' AS labels,
           body ->> '$.last_started_at.wall' AS started_at_ms
    FROM session WHERE machine_id IS NOT NULL
)
GROUP BY machine_id;
