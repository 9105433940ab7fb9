-- A meal is never overwritten: an amendment adds a version, and what is taken back stays as entered in error.
CREATE TABLE meals (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know a meal by
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,
    effective_at TEXT NOT NULL,                   -- when it was eaten: UTC, milliseconds, ends in Z
    zone TEXT NOT NULL,                           -- where the resident was
    local_date TEXT NOT NULL,                     -- the resident's day
    source_kind TEXT NOT NULL DEFAULT 'manual',   -- manual, device, import
    status TEXT NOT NULL DEFAULT 'final',         -- preliminary, final, amended, entered-in-error
    version INTEGER NOT NULL DEFAULT 1,           -- the version that counts
    recorded_at TEXT NOT NULL,                    -- when the hub kept it
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX meals_by_day ON meals (subject, local_date, effective_at);

CREATE TABLE meal_versions (
    meal INTEGER NOT NULL REFERENCES meals (compat_id),
    version INTEGER NOT NULL,
    meal_type TEXT NOT NULL,
    notes TEXT,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (meal, version)
) STRICT, WITHOUT ROWID;

-- Nutrients are of one unit, as they were entered; NULL is unknown. What was eaten is quantity times as much.
CREATE TABLE meal_foods (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    meal INTEGER NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    quantity REAL,
    unit TEXT,
    calories REAL,
    protein REAL,
    carbs REAL,
    fat REAL,
    fiber REAL,
    sodium REAL,
    entered TEXT NOT NULL,                        -- JSON, as the client wrote it
    FOREIGN KEY (meal, version) REFERENCES meal_versions (meal, version)
) STRICT;

CREATE INDEX meal_foods_by_meal ON meal_foods (meal, version);

-- The newest row counts; the older ones say what was aimed at before.
CREATE TABLE goals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subject INTEGER NOT NULL,
    calories REAL NOT NULL,
    protein REAL NOT NULL,
    carbs REAL NOT NULL,
    fat REAL NOT NULL,
    fiber REAL NOT NULL,
    sodium REAL NOT NULL,
    recorded_at TEXT NOT NULL
) STRICT;

-- What existing clients expect before anybody has chosen.
INSERT INTO goals (subject, calories, protein, carbs, fat, fiber, sodium, recorded_at)
VALUES (1, 2000, 100, 250, 65, 25, 2300, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
