-- Devices of this home: paired by somebody, named to betti-ble, or known from their readings. What else is near is not kept.
CREATE TABLE devices (
    compat_id INTEGER PRIMARY KEY AUTOINCREMENT,  -- the integer that existing clients know a device by
    id TEXT NOT NULL UNIQUE,                      -- UUIDv7
    address TEXT NOT NULL UNIQUE,                 -- AA:BB:CC:DD:EE:FF, whatever was written
    address_entered TEXT NOT NULL,                -- as it was written first
    name TEXT,
    kind TEXT NOT NULL,                           -- blood_pressure, heart_rate, scale …: as a client wrote it
    subject INTEGER NOT NULL,                     -- who wears or uses it: its readings are theirs

    is_paired INTEGER NOT NULL DEFAULT 0 CHECK (is_paired IN (0, 1)),
    paired_at TEXT,                               -- when that was said last
    last_seen_at TEXT,                            -- to a quarter of an hour, because a storage card wears out
    rssi INTEGER,                                 -- dBm, when it was seen last
    battery INTEGER,                              -- percent

    status TEXT NOT NULL DEFAULT 'active',
    version INTEGER NOT NULL DEFAULT 1,           -- of what people say of it; being seen is no new version
    changed_at TEXT,
    recorded_at TEXT NOT NULL
) STRICT;

-- One cuff, one scale: another one takes its place.
CREATE UNIQUE INDEX devices_paired ON devices (kind) WHERE is_paired = 1;
