-- What version 6 adds: which files of older installations were imported into a workspace, so that
-- none is imported twice.

CREATE TABLE imported (
    id   INTEGER PRIMARY KEY, -- workspace.id
    body TEXT NOT NULL -- the blake3 digests of their contents, in base64
) STRICT;
