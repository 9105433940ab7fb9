-- One row for each drink; what a day comes to is counted when it is asked for. A drink that was none is struck out.
CREATE TABLE drinks (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know a drink by
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL,

    entered_amount REAL NOT NULL,                 -- as it was entered, in the unit in which it was entered
    entered_unit TEXT NOT NULL,
    amount_ml REAL NOT NULL,                      -- the same in UCUM's mL
    beverage TEXT NOT NULL,

    drunk_at TEXT NOT NULL,                       -- UTC, milliseconds, ends in Z
    drunk_at_entered TEXT NOT NULL,               -- the same as the client wrote it
    zone TEXT NOT NULL,                           -- where the resident was
    local_date TEXT NOT NULL,                     -- the resident's day

    status TEXT NOT NULL DEFAULT 'final',         -- final, entered-in-error
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL,                    -- when the hub kept it
    idempotency_key TEXT UNIQUE
) STRICT;

CREATE INDEX drinks_by_day ON drinks (subject, local_date, drunk_at, compat_id) WHERE status <> 'entered-in-error';

-- What a resident is to drink, and must not drink more than. No row: what existing clients have always taken for usual.
CREATE TABLE drink_goals (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    subject INTEGER NOT NULL UNIQUE,

    target_entered REAL,                          -- somebody set it; without one it follows from `sex`
    target_unit TEXT,
    sex TEXT,                                     -- female, male
    maximum_entered REAL,                         -- fluids are restricted to so much a day
    maximum_unit TEXT,
    wakes_minute INTEGER NOT NULL,                -- minutes of the resident's day, on their clock
    sleeps_minute INTEGER NOT NULL,
    effective_date TEXT NOT NULL,                 -- the resident's day on which it was changed last

    status TEXT NOT NULL DEFAULT 'active',
    version INTEGER NOT NULL DEFAULT 1,
    recorded_at TEXT NOT NULL
) STRICT;
