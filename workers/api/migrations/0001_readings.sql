-- A reading is never overwritten: what was entered stays as it was, an amendment raises `version` and sets `status`.
CREATE TABLE readings (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know a reading by
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,
    kind TEXT NOT NULL,

    entered_primary REAL NOT NULL,                -- as it was entered, in the unit in which it was entered
    entered_secondary REAL,
    entered_unit TEXT NOT NULL,
    canonical_primary REAL NOT NULL,              -- the same, in the kind's UCUM unit
    canonical_secondary REAL,
    canonical_unit TEXT NOT NULL,
    word TEXT NOT NULL,                           -- normal, low, elevated, high, fever, critical

    effective_at TEXT NOT NULL,                   -- when it was measured: UTC, milliseconds, ends in Z
    effective_at_entered TEXT NOT NULL,           -- the same as the client wrote it
    zone TEXT NOT NULL,                           -- where the resident was
    local_date TEXT NOT NULL,                     -- the resident's day

    source TEXT NOT NULL,                         -- as the client wrote it
    source_kind TEXT NOT NULL,                    -- manual, device, import
    device_address TEXT,
    notes TEXT,

    status TEXT NOT NULL DEFAULT 'final',         -- preliminary, final, amended, entered-in-error
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,                    -- when the hub kept it
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX readings_by_time ON readings (subject, kind, effective_at, compat_id);
CREATE INDEX readings_by_day ON readings (subject, local_date, effective_at);
