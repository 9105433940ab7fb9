-- Medicines. One that is not taken any more is stopped, never deleted.
CREATE TABLE medications (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know a medicine by
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,
    name TEXT NOT NULL,
    dosage TEXT,                                  -- as it was written: 10mg
    dosage_unit TEXT NOT NULL,
    instructions TEXT,
    prescriber TEXT,
    pharmacy TEXT,
    rx_number TEXT,
    refills_left INTEGER,
    start_date TEXT,                              -- the resident's dates, both included
    end_date TEXT,
    is_prn INTEGER NOT NULL DEFAULT 0,            -- taken as needed
    prn_max_daily INTEGER,
    notes TEXT,
    keeping TEXT,                                 -- how it is kept, for its stock, as JSON
    status TEXT NOT NULL DEFAULT 'active',        -- active, stopped
    stopped_at TEXT,
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX medications_by_name ON medications (subject, name COLLATE NOCASE, compat_id);

-- When existing clients ask for doses of it. A row that another one replaces is retired: what was due under it stays due.
CREATE TABLE medication_rows (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL,
    medication INTEGER NOT NULL REFERENCES medications (compat_id),
    schedule_time TEXT NOT NULL,                  -- 07:00, on the resident's clock
    dosage_amount REAL NOT NULL,
    frequency_type TEXT NOT NULL,                 -- daily, specific_days, interval, prn
    days_of_week TEXT NOT NULL,                   -- mon,wed,fri, or daily
    day_of_week TEXT,                             -- of a row for one day of the week: mon
    interval_days INTEGER,
    interval_start TEXT,
    entered_on TEXT NOT NULL,                     -- the resident's date
    followed_from TEXT NOT NULL,                  -- it asks for no dose before
    status TEXT NOT NULL DEFAULT 'active',        -- active, retired
    retired_at TEXT,
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;

CREATE INDEX medication_rows_by_subject ON medication_rows (subject, medication, schedule_time, compat_id);

-- Plans that rows cannot say: tapers, cycles, hours that pass, doses that follow others. One that is replaced is retired.
CREATE TABLE medication_plans (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL,
    medication INTEGER NOT NULL REFERENCES medications (compat_id),
    plan TEXT NOT NULL,                           -- as JSON
    status TEXT NOT NULL DEFAULT 'active',        -- active, retired
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;

CREATE INDEX medication_plans_by_subject ON medication_plans (subject, medication, compat_id);

-- What was said of a dose, once for each rule, date and slot: nobody can take it twice by saying so twice.
CREATE TABLE doses (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL,
    medication INTEGER NOT NULL REFERENCES medications (compat_id),
    rule TEXT NOT NULL,
    local_date TEXT NOT NULL,                     -- the resident's date for which it is planned
    slot INTEGER NOT NULL,
    due_at TEXT NOT NULL,
    record TEXT NOT NULL,                         -- everything that was said of it, as JSON
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    UNIQUE (subject, rule, local_date, slot)
) STRICT;

CREATE INDEX doses_by_day ON doses (subject, local_date, compat_id);
CREATE INDEX doses_by_medication ON doses (medication, local_date, compat_id);

-- What was announced of doses, so that nothing is announced twice, whatever restarts.
CREATE TABLE dose_announcements (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know an alert by
    subject INTEGER NOT NULL,
    name TEXT NOT NULL,                           -- what, and of which dose: late schedule-17/2031-01-31/0
    local_date TEXT NOT NULL,                     -- the dose's
    announced_at TEXT NOT NULL,
    UNIQUE (subject, name)
) STRICT;

CREATE INDEX dose_announcements_by_day ON dose_announcements (subject, local_date);

-- When doses were last looked at: what came since then came while nobody looked.
CREATE TABLE dose_looks (
    subject INTEGER PRIMARY KEY,
    looked_at TEXT NOT NULL
) STRICT;

-- What happened to the boxes.
CREATE TABLE stock_movements (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject INTEGER NOT NULL,
    medication INTEGER NOT NULL REFERENCES medications (compat_id),
    at TEXT NOT NULL,
    kind TEXT NOT NULL,                           -- as JSON
    status TEXT NOT NULL DEFAULT 'final',
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX stock_movements_by_medication ON stock_movements (medication, at, compat_id);
