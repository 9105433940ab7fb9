-- Who read or changed what. Appended to and never changed: each row's hash is over its content and the hash before it.
-- No names and nothing of what was read: those are in access.db and in the workers' own databases.
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The same, unless several were taken together.
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    times INTEGER NOT NULL CHECK (times > 0),
    what TEXT NOT NULL CHECK (what IN ('read', 'change', 'refused', 'opened', 'closed', 'lost')),
    -- A device of access.db; NULL for the hub itself and for strangers.
    by_device TEXT,
    role TEXT NOT NULL,
    address TEXT,
    area TEXT,
    -- Stays when the resident is erased: a number.
    about_resident INTEGER NOT NULL,
    -- Method and pattern, each on a line.
    routes TEXT NOT NULL,
    -- What stood in the pattern's place: a kind of reading, the id of a medicine.
    thing TEXT,
    status INTEGER NOT NULL,
    -- The entry of which this one says all: it was written when a series of reads began, this one when it ended.
    continues INTEGER,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX entries_by_resident ON entries (about_resident, seq);
CREATE INDEX entries_continued ON entries (continues) WHERE continues IS NOT NULL;

-- What was let go because it is older than two years: everything up to an entry, and that one's hash, from which the chain goes on.
CREATE TABLE retention (
    through INTEGER PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    at TEXT NOT NULL
) STRICT;

CREATE TRIGGER entries_stay_as_they_are BEFORE UPDATE ON entries BEGIN
    SELECT RAISE(ABORT, 'the audit is appended to and never changed');
END;
CREATE TRIGGER entries_stay BEFORE DELETE ON entries
WHEN OLD.seq > (SELECT coalesce(max(through), 0) FROM retention) BEGIN
    SELECT RAISE(ABORT, 'the audit is kept for two years');
END;
CREATE TRIGGER retention_is_of_old_entries BEFORE INSERT ON retention
WHEN EXISTS (
    SELECT 1 FROM entries WHERE seq <= NEW.through AND last_at >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 years')
) BEGIN
    SELECT RAISE(ABORT, 'the audit is kept for two years');
END;
CREATE TRIGGER retention_stays_as_it_is BEFORE UPDATE ON retention BEGIN
    SELECT RAISE(ABORT, 'the audit is appended to and never changed');
END;
CREATE TRIGGER retention_stays BEFORE DELETE ON retention BEGIN
    SELECT RAISE(ABORT, 'the audit is appended to and never changed');
END;
