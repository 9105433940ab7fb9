-- Workouts. One that was none is struck out.
CREATE TABLE workouts (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know a workout by
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,

    workout_type TEXT NOT NULL,                   -- as it was written
    type_key TEXT NOT NULL,                       -- the same in lower case
    duration_min REAL NOT NULL,
    calories_burned REAL NOT NULL,                -- kcal
    distance_miles REAL,
    steps REAL,
    heart_rate_avg REAL,                          -- per minute
    heart_rate_max REAL,
    intensity TEXT NOT NULL,
    video_id TEXT,
    notes TEXT,

    started_at TEXT NOT NULL,                     -- UTC, milliseconds, ends in Z
    started_at_entered TEXT NOT NULL,             -- the same as the client wrote it
    ended_at TEXT,
    zone TEXT NOT NULL,                           -- where the resident was
    local_date TEXT NOT NULL,                     -- the resident's day on which it began

    status TEXT NOT NULL DEFAULT 'final',         -- final, entered-in-error
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX workouts_by_day ON workouts (subject, local_date, started_at, compat_id) WHERE status <> 'entered-in-error';
CREATE INDEX workouts_by_type ON workouts (subject, type_key, started_at, compat_id) WHERE status <> 'entered-in-error';

-- What existing clients are answered of a day: what a person wrote, or the highest of each figure over the devices.
CREATE TABLE activity_days (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,
    local_date TEXT NOT NULL,                     -- the resident's day
    steps REAL NOT NULL,
    active_minutes REAL NOT NULL,
    calories_burned REAL NOT NULL,                -- kcal
    floors_climbed REAL NOT NULL,
    distance_miles REAL NOT NULL,
    source TEXT NOT NULL,                         -- as the client wrote it, or ble_device:ADDRESS

    status TEXT NOT NULL DEFAULT 'final',
    version INTEGER NOT NULL DEFAULT 1,
    changed_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    UNIQUE (subject, local_date)
) STRICT;

-- What each device last said of a day. Unknown is not zero: what it does not measure is null.
CREATE TABLE activity_device_days (
    subject INTEGER NOT NULL,
    local_date TEXT NOT NULL,
    address TEXT NOT NULL,
    steps REAL,
    active_minutes REAL,
    calories_burned REAL,
    floors_climbed REAL,
    distance_miles REAL,
    reported_at TEXT NOT NULL,
    PRIMARY KEY (subject, local_date, address)
) STRICT, WITHOUT ROWID;

-- What sources counted from when to when. Where they overlap, one of them counts.
CREATE TABLE activity_intervals (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,
    source TEXT NOT NULL,
    started_at TEXT NOT NULL,                     -- UTC, milliseconds, ends in Z
    ended_at TEXT NOT NULL,                       -- not included
    steps REAL,
    active_minutes REAL,
    calories_burned REAL,
    floors_climbed REAL,
    distance_miles REAL,
    status TEXT NOT NULL DEFAULT 'final',
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    UNIQUE (subject, started_at, ended_at, source)
) STRICT;

-- Devices that existing clients registered to count somebody's day.
CREATE TABLE fitness_devices (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    address TEXT NOT NULL UNIQUE,                 -- in upper case
    name TEXT NOT NULL,
    kind TEXT NOT NULL,                           -- fitness_band, smartwatch, pedometer, heart_rate_monitor
    subject INTEGER NOT NULL,                     -- who wears it
    registered_at TEXT NOT NULL,
    last_seen_at TEXT,

    status TEXT NOT NULL DEFAULT 'active',        -- active, retired
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;

-- Tests of strength and balance.
CREATE TABLE assessments (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,
    kind TEXT NOT NULL,                           -- five_times_sit_to_stand, timed_up_and_go
    seconds REAL,                                 -- null: they could not do it
    notes TEXT,
    performed_at TEXT NOT NULL,                   -- UTC, milliseconds, ends in Z
    performed_at_entered TEXT NOT NULL,
    zone TEXT NOT NULL,
    local_date TEXT NOT NULL,

    status TEXT NOT NULL DEFAULT 'final',         -- final, entered-in-error
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX assessments_by_day ON assessments (subject, local_date, performed_at, compat_id)
    WHERE status <> 'entered-in-error';
