-- A resident's limits: what was chosen, and what differs from the defaults, as JSON. It is read and changed as a whole.
CREATE TABLE limits (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL UNIQUE,
    document TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active',
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;

-- Whom a resident's alerts go to, when and how, as JSON.
CREATE TABLE ladders (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL UNIQUE,
    document TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active',
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;

-- Who can be told.
CREATE TABLE people (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL,                     -- whose alerts they are told of
    name TEXT NOT NULL,
    relation TEXT,
    phone TEXT,
    email TEXT,
    status TEXT NOT NULL DEFAULT 'active',        -- active, retired
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;
CREATE INDEX people_of_resident ON people (subject, status);

-- Where each condition of a resident stands: what is counted, waited for and snoozed. Not a record of what was, which is
-- in alerts and readings: it is overwritten.
CREATE TABLE conditions (
    subject INTEGER NOT NULL,
    kind TEXT NOT NULL,
    direction TEXT NOT NULL,                      -- low, high, gain, no_data
    state TEXT NOT NULL,                          -- JSON
    due_at TEXT,                                  -- when it has to be looked at if nothing happens before
    PRIMARY KEY (subject, kind, direction)
) STRICT, WITHOUT ROWID;
CREATE INDEX conditions_due ON conditions (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE alerts (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL,
    kind TEXT NOT NULL,
    direction TEXT NOT NULL,
    severity TEXT NOT NULL,                       -- as it is now: info, warn, urgent, critical
    opened_as TEXT NOT NULL,                      -- as it was when it opened
    cause TEXT NOT NULL,                          -- limit, symptom, unrepeated, no_data
    reading_id TEXT,                              -- the reading that it opened with
    value TEXT,                                   -- the same for people, as it was entered
    unit TEXT,
    limit_name TEXT,
    limit_source TEXT,
    opened_at TEXT NOT NULL,
    acknowledged_at TEXT,
    acknowledged_by TEXT,
    snoozed_until TEXT,
    snoozed_by TEXT,
    cleared_at TEXT,
    cleared_because TEXT,                         -- over, worsened, limits_changed
    status TEXT NOT NULL DEFAULT 'open',          -- open, acknowledged, cleared
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;
-- Two alerts for one condition cannot be open, whoever writes them.
CREATE UNIQUE INDEX alerts_open ON alerts (subject, kind, direction) WHERE status <> 'cleared';
CREATE INDEX alerts_by_time ON alerts (subject, compat_id);

-- Everybody who was to be told of an alert, and how. Never changed.
CREATE TABLE alert_attempts (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL,
    alert_id TEXT NOT NULL REFERENCES alerts (id),
    person_id TEXT NOT NULL,
    person_name TEXT NOT NULL,                    -- as they were called then
    channel TEXT NOT NULL,                        -- display, push, sms, call, email
    outcome TEXT NOT NULL,                        -- announced: it is on the stream, no channel delivers it yet
    attempted_at TEXT NOT NULL
) STRICT;
CREATE INDEX alert_attempts_of_alert ON alert_attempts (alert_id, compat_id);
