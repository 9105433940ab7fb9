-- Whoever may call the hub: a browser, a program, or the hub's own workers. Never deleted: what they did stays theirs.
CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('resident', 'carer', 'clinician', 'device', 'service')),
    resident INTEGER NOT NULL,
    -- SHA-256 of its credential.
    key_hash BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    -- The hub's own workers, made at the first start.
    is_hub INTEGER NOT NULL DEFAULT 0 CHECK (is_hub IN (0, 1)),
    paired_at TEXT NOT NULL,
    -- The device that let it in; NULL is the command line.
    paired_by TEXT REFERENCES devices (id),
    last_used_at TEXT,
    last_used_from TEXT,
    revoked_at TEXT,
    revoked_by TEXT REFERENCES devices (id)
) STRICT;

-- One-time codes. What they give is decided when they are made.
CREATE TABLE codes (
    code_hash BLOB PRIMARY KEY CHECK (length(code_hash) = 32),
    name TEXT,
    role TEXT NOT NULL CHECK (role IN ('resident', 'carer', 'clinician', 'device', 'service')),
    resident INTEGER NOT NULL,
    -- JSON: [["vitals", "read"], …]
    grants TEXT NOT NULL,
    made_at TEXT NOT NULL,
    made_by TEXT REFERENCES devices (id),
    expires_at TEXT NOT NULL,
    device TEXT REFERENCES devices (id)
) STRICT;

-- What was granted to whom, and withdrawn. At most one of a device, a resident and an area is in force.
CREATE TABLE grants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL REFERENCES devices (id),
    resident INTEGER NOT NULL,
    area TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('read', 'write')),
    given_at TEXT NOT NULL,
    given_by TEXT REFERENCES devices (id),
    withdrawn_at TEXT,
    withdrawn_by TEXT REFERENCES devices (id)
) STRICT;

CREATE UNIQUE INDEX grants_in_force ON grants (device, resident, area) WHERE withdrawn_at IS NULL;
