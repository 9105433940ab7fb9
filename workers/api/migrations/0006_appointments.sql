-- Visits and what belongs to them. A row that changes is kept as it was (history); nothing is deleted.
CREATE TABLE appointments (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know an appointment by
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,

    title TEXT NOT NULL,
    description TEXT,
    location TEXT,
    appointment_type TEXT NOT NULL,
    provider_name TEXT,
    provider_phone TEXT,
    provider_place TEXT,

    starts_at TEXT NOT NULL,                      -- UTC, milliseconds, ends in Z; of a series, the first one
    starts_at_written TEXT NOT NULL,              -- the same as the client wrote it
    ends_at TEXT,
    ends_at_written TEXT,
    zone TEXT NOT NULL,                           -- whose clock it keeps
    local_date TEXT NOT NULL,                     -- the resident's day
    all_day INTEGER NOT NULL,
    reminder_min INTEGER NOT NULL,                -- minutes before; 0 is at the time itself

    is_recurring INTEGER NOT NULL,
    recurrence_rule TEXT,                         -- as the client wrote it: its own JSON, or an RRULE

    prepare TEXT NOT NULL,                        -- JSON: [{text, kind: bring or do, done}]
    travel_min INTEGER NOT NULL,
    preparation_min INTEGER NOT NULL,
    driver TEXT,
    driver_confirmed_by TEXT,
    driver_confirmed_at TEXT,

    notes TEXT,
    status TEXT NOT NULL,                         -- scheduled, completed, cancelled, no-show, entered-in-error
    completed_at TEXT,
    outcome_notes TEXT,

    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    idempotency_key TEXT UNIQUE,
    answer TEXT                                   -- what was answered to the request with that key, as JSON
) STRICT;

CREATE INDEX appointments_by_time ON appointments (subject, starts_at);
CREATE INDEX appointments_as_written ON appointments (subject, starts_at_written);
CREATE INDEX appointments_series ON appointments (subject, is_recurring) WHERE is_recurring = 1;
CREATE INDEX appointments_by_provider ON appointments (subject, provider_name) WHERE provider_name IS NOT NULL;

-- Visits of a series that are not as the series has them.
CREATE TABLE appointment_edits (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,
    appointment INTEGER NOT NULL REFERENCES appointments (compat_id),
    instance_date TEXT NOT NULL,                  -- the date that the rule gives it: RECURRENCE-ID
    changes TEXT NOT NULL,                        -- JSON: the fields that are different
    starts_at TEXT,                               -- UTC, if it was moved
    status TEXT NOT NULL,                         -- final; entered-in-error: taken out of the series (EXDATE)
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (appointment, instance_date)
) STRICT;

CREATE INDEX appointment_edits_by_date ON appointment_edits (subject, instance_date);
CREATE INDEX appointment_edits_by_time ON appointment_edits (subject, starts_at) WHERE starts_at IS NOT NULL;
