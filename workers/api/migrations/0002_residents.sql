-- Who lives here. Existing clients call a resident a user and know them by the number; the first one is theirs.
CREATE TABLE residents (
    subject INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    name TEXT,
    zone TEXT NOT NULL,                           -- IANA name of where they live: their days begin at midnight there
    recorded_at TEXT NOT NULL
) STRICT;

-- How rows were before they were changed or struck out: nothing that was entered is lost.
CREATE TABLE history (
    table_name TEXT NOT NULL,
    compat_id INTEGER NOT NULL,
    version INTEGER NOT NULL,                     -- of the row as it was
    row TEXT NOT NULL,                            -- the whole of it, as JSON
    replaced_at TEXT NOT NULL,
    PRIMARY KEY (table_name, compat_id, version)
) STRICT, WITHOUT ROWID;
