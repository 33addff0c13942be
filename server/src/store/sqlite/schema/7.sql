-- What version 7 changes: a hot row is one blob. A beat writes it in place, which costs less
-- than half of an UPDATE of columns. The server converts the rows; lease_row.rs says the same
-- as this:
--
--                   narrow      wide
--   format          byte 1: 1   byte 1: 2
--   version         2 to 6      2 to 9
--   revision        7 to 11     10 to 17
--   last heartbeat  12 to 17    18 to 25    milliseconds of wall time
--   expiry          18 to 22    26 to 33    milliseconds on the lease clock
--   beats           23 to 27    34 to 41
--
-- Each number has its most significant byte first; one that there is none of is all ones. A row
-- is wide if a number is too great for a narrow one.

DROP VIEW holder;
ALTER TABLE lease RENAME TO lease_of_version_6;

-- The hot row: all that a heartbeat changes. No index, or beats could not write in place.
CREATE TABLE lease (
    id  INTEGER PRIMARY KEY, -- workspace.id
    row BLOB NOT NULL CHECK (length(row) IN (27, 41))
) STRICT;

-- For people with a shell: hot rows as numbers. A damaged row shows none.
CREATE VIEW lease_shown AS
WITH
    digit (place) AS (
        VALUES (0), (1), (2), (3), (4), (5), (6), (7),
               (8), (9), (10), (11), (12), (13), (14), (15)
    ),
    kind (id, hex, layout) AS (
        SELECT id, hex(row),
               CASE
                   WHEN length(row) = 27 AND substr(row, 1, 1) = x'01' THEN 'narrow'
                   WHEN length(row) = 41 AND substr(row, 1, 1) = x'02' THEN 'wide'
               END
        FROM lease
    ),
    number (id, version, revision, heartbeat, expiry, beats) AS (
        SELECT id,
               CASE layout WHEN 'narrow' THEN substr(hex, 3, 10)
                           WHEN 'wide' THEN substr(hex, 3, 16) END,
               CASE layout WHEN 'narrow' THEN substr(hex, 13, 10)
                           WHEN 'wide' THEN substr(hex, 19, 16) END,
               CASE layout WHEN 'narrow' THEN substr(hex, 23, 12)
                           WHEN 'wide' THEN substr(hex, 35, 16) END,
               CASE layout WHEN 'narrow' THEN substr(hex, 35, 10)
                           WHEN 'wide' THEN substr(hex, 51, 16) END,
               CASE layout WHEN 'narrow' THEN substr(hex, 45, 10)
                           WHEN 'wide' THEN substr(hex, 67, 16) END
        FROM kind
    )
-- The digit 0 is not among those searched, so that a digit's place there is its value.
SELECT
    id,
    (
        SELECT sum(
            instr('123456789ABCDEF', substr(version, length(version) - place, 1)) << (4 * place)
        )
        FROM digit WHERE place < length(version)
    ) AS version,
    (
        SELECT sum(
            instr('123456789ABCDEF', substr(revision, length(revision) - place, 1)) << (4 * place)
        )
        FROM digit WHERE place < length(revision)
    ) AS revision,
    (
        SELECT sum(
            instr('123456789ABCDEF', substr(heartbeat, length(heartbeat) - place, 1)) << (4 * place)
        )
        FROM digit WHERE place < length(heartbeat) AND trim(heartbeat, 'F') <> ''
    ) AS last_heartbeat_ms,
    (
        SELECT sum(
            instr('123456789ABCDEF', substr(expiry, length(expiry) - place, 1)) << (4 * place)
        )
        FROM digit WHERE place < length(expiry) AND trim(expiry, 'F') <> ''
    ) AS expires_at_ms,
    (
        SELECT sum(
            instr('123456789ABCDEF', substr(beats, length(beats) - place, 1)) << (4 * place)
        )
        FROM digit WHERE place < length(beats)
    ) AS beats
FROM number;

-- For people with a shell: who holds what.
CREATE VIEW holder AS
SELECT w.workspace, w.profile, s.session_id, s.lifecycle, s.owner_kind, s.owner_id,
       s.supervisor_id, s.machine_id, s.expiry_recorded, l.revision, l.beats,
       datetime(l.last_heartbeat_ms / 1000, 'unixepoch') AS last_heartbeat_at,
       l.expires_at_ms - m.lease_mark_ms AS expires_in_ms
FROM session s
JOIN workspace w ON w.id = s.id
JOIN lease_shown l ON l.id = s.id
JOIN meta m ON m.one = 1;
