-- A screen that hangs where anybody can touch it: what changes treatment needs the PIN there.
ALTER TABLE devices ADD COLUMN is_kiosk INTEGER NOT NULL DEFAULT 0 CHECK (is_kiosk IN (0, 1));
-- When the PIN was last typed there; NULL once it was locked again.
ALTER TABLE devices ADD COLUMN unlocked_at TEXT;
ALTER TABLE codes ADD COLUMN is_kiosk INTEGER NOT NULL DEFAULT 0 CHECK (is_kiosk IN (0, 1));

-- A resident's PIN, as Argon2id of it, with what that cost, so that another cost can be chosen later.
CREATE TABLE pins (
    resident INTEGER PRIMARY KEY,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    memory_kib INTEGER NOT NULL,
    passes INTEGER NOT NULL,
    set_at TEXT NOT NULL,
    -- The device that set it, whatever became of that; NULL is the command line.
    set_by TEXT
) STRICT;

-- Wrong PINs in a row, on a device and for a resident.
CREATE TABLE wrong_pins (
    place TEXT PRIMARY KEY,
    resident INTEGER NOT NULL,
    wrong INTEGER NOT NULL,
    latest_at TEXT NOT NULL
) STRICT;
