-- What devices sent, kept until betti-backend has it.
CREATE TABLE readings (
    id              INTEGER PRIMARY KEY,
    -- Names the reading for ever: the Idempotency-Key of its delivery.
    key             TEXT    NOT NULL UNIQUE,
    device          TEXT    NOT NULL,
    -- Assigned number, as 2a35.
    characteristic  TEXT    NOT NULL,
    -- The bytes as the device sent them.
    raw             BLOB    NOT NULL,
    -- Unix time in milliseconds, by the hub's clock.
    received_ms     INTEGER NOT NULL,
    -- Whose clock says when it was measured.
    time_source     TEXT    NOT NULL CHECK (time_source IN ('device', 'hub')),
    -- 1 = one of many, as heart rates: deleted once delivered, and the oldest first when there are too many.
    stream          INTEGER NOT NULL CHECK (stream IN (0, 1)),
    -- The JSON that is posted; the same bytes every time.
    body            TEXT    NOT NULL,
    -- refused = will not be delivered, for the reason beside it; kept to be looked at.
    state           TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'refused')),
    reason          TEXT,
    CHECK ((state = 'refused') = (reason IS NOT NULL))
) STRICT;

CREATE INDEX readings_waiting ON readings (stream, id) WHERE state = 'waiting';
CREATE INDEX readings_of_device ON readings (device, characteristic, raw);
