-- Why a reading was amended or struck out, as somebody said it.
ALTER TABLE readings ADD COLUMN reason TEXT;
ALTER TABLE residents ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- What a day's readings of a kind come to, in the kind's UCUM unit: a year is charted without reading every reading.
-- Second values are diastolic pressures; arterial means are of readings that have both pressures. Means are sum / count.
CREATE TABLE reading_days (
    subject INTEGER NOT NULL,
    kind TEXT NOT NULL,
    local_date TEXT NOT NULL,                     -- the resident's day
    count INTEGER NOT NULL,
    least REAL NOT NULL,
    most REAL NOT NULL,
    sum REAL NOT NULL,
    second_count INTEGER NOT NULL,
    second_least REAL,
    second_most REAL,
    second_sum REAL,
    arterial_least REAL,
    arterial_most REAL,
    arterial_sum REAL,
    PRIMARY KEY (subject, kind, local_date)
) STRICT, WITHOUT ROWID;

-- The same by the hour. Where midnight falls within an hour of UTC, that hour has a row for each of the two days.
CREATE TABLE reading_hours (
    subject INTEGER NOT NULL,
    kind TEXT NOT NULL,
    local_date TEXT NOT NULL,
    hour TEXT NOT NULL,                           -- UTC: 2031-01-31T12
    count INTEGER NOT NULL,
    least REAL NOT NULL,
    most REAL NOT NULL,
    sum REAL NOT NULL,
    second_count INTEGER NOT NULL,
    second_least REAL,
    second_most REAL,
    second_sum REAL,
    arterial_least REAL,
    arterial_most REAL,
    arterial_sum REAL,
    PRIMARY KEY (subject, kind, local_date, hour)
) STRICT, WITHOUT ROWID;

-- A reading as a sum of one.
CREATE VIEW reading_summands AS SELECT
    compat_id, subject, kind, local_date, effective_at, substr(effective_at, 1, 13) AS hour,
    canonical_primary AS value, canonical_secondary AS second,
    (canonical_primary + 2 * canonical_secondary) / 3 AS arterial
FROM readings WHERE status <> 'entered-in-error';

-- What is there already.
INSERT INTO reading_days SELECT subject, kind, local_date,
    count(*), min(value), max(value), sum(value), count(second), min(second), max(second), sum(second),
    min(arterial), max(arterial), sum(arterial)
FROM reading_summands GROUP BY subject, kind, local_date;
INSERT INTO reading_hours SELECT subject, kind, local_date, hour,
    count(*), min(value), max(value), sum(value), count(second), min(second), max(second), sum(second),
    min(arterial), max(arterial), sum(arterial)
FROM reading_summands GROUP BY subject, kind, local_date, hour;

-- Triggers, so that no way of writing a reading can leave its day wrong: not the version before this one in a reload, and
-- not an import. A new reading is added to its day; the least of nothing and of a value is the value.
CREATE TRIGGER reading_counted AFTER INSERT ON readings BEGIN
    INSERT INTO reading_days SELECT subject, kind, local_date,
        1, value, value, value, second IS NOT NULL, second, second, second, arterial, arterial, arterial
    FROM reading_summands WHERE compat_id = NEW.compat_id
    ON CONFLICT DO UPDATE SET
        count = count + 1,
        least = min(least, excluded.least),
        most = max(most, excluded.most),
        sum = sum + excluded.sum,
        second_count = second_count + excluded.second_count,
        second_least = coalesce(min(second_least, excluded.second_least), second_least, excluded.second_least),
        second_most = coalesce(max(second_most, excluded.second_most), second_most, excluded.second_most),
        second_sum = coalesce(second_sum + excluded.second_sum, second_sum, excluded.second_sum),
        arterial_least = coalesce(min(arterial_least, excluded.arterial_least), arterial_least, excluded.arterial_least),
        arterial_most = coalesce(max(arterial_most, excluded.arterial_most), arterial_most, excluded.arterial_most),
        arterial_sum = coalesce(arterial_sum + excluded.arterial_sum, arterial_sum, excluded.arterial_sum);
    INSERT INTO reading_hours SELECT subject, kind, local_date, hour,
        1, value, value, value, second IS NOT NULL, second, second, second, arterial, arterial, arterial
    FROM reading_summands WHERE compat_id = NEW.compat_id
    ON CONFLICT DO UPDATE SET
        count = count + 1,
        least = min(least, excluded.least),
        most = max(most, excluded.most),
        sum = sum + excluded.sum,
        second_count = second_count + excluded.second_count,
        second_least = coalesce(min(second_least, excluded.second_least), second_least, excluded.second_least),
        second_most = coalesce(max(second_most, excluded.second_most), second_most, excluded.second_most),
        second_sum = coalesce(second_sum + excluded.second_sum, second_sum, excluded.second_sum),
        arterial_least = coalesce(min(arterial_least, excluded.arterial_least), arterial_least, excluded.arterial_least),
        arterial_most = coalesce(max(arterial_most, excluded.arterial_most), arterial_most, excluded.arterial_most),
        arterial_sum = coalesce(arterial_sum + excluded.arterial_sum, arterial_sum, excluded.arterial_sum);
END;

-- What is written here is counted anew, day and hour. Nothing is kept in it: SQLite has no other name for a procedure.
CREATE VIEW reading_recounts AS SELECT subject, kind, local_date, effective_at FROM readings;
CREATE TRIGGER reading_recounted INSTEAD OF INSERT ON reading_recounts BEGIN
    DELETE FROM reading_days
    WHERE subject = NEW.subject AND kind = NEW.kind AND local_date = NEW.local_date;
    INSERT INTO reading_days SELECT subject, kind, local_date,
        count(*), min(value), max(value), sum(value), count(second), min(second), max(second), sum(second),
        min(arterial), max(arterial), sum(arterial)
    FROM reading_summands
    WHERE subject = NEW.subject AND local_date = NEW.local_date AND kind = NEW.kind
    GROUP BY subject, kind, local_date;
    DELETE FROM reading_hours
    WHERE subject = NEW.subject AND kind = NEW.kind AND local_date = NEW.local_date
        AND hour = substr(NEW.effective_at, 1, 13);
    -- ';' is the character after ':', which follows the hour.
    INSERT INTO reading_hours SELECT subject, kind, local_date, hour,
        count(*), min(value), max(value), sum(value), count(second), min(second), max(second), sum(second),
        min(arterial), max(arterial), sum(arterial)
    FROM reading_summands
    WHERE subject = NEW.subject AND kind = NEW.kind AND local_date = NEW.local_date
        AND effective_at > substr(NEW.effective_at, 1, 13) || ':' AND effective_at < substr(NEW.effective_at, 1, 13) || ';'
    GROUP BY subject, kind, local_date, hour;
END;

CREATE TRIGGER reading_changed
AFTER UPDATE OF subject, kind, local_date, effective_at, canonical_primary, canonical_secondary, status ON readings BEGIN
    INSERT INTO reading_recounts VALUES (OLD.subject, OLD.kind, OLD.local_date, OLD.effective_at);
    INSERT INTO reading_recounts VALUES (NEW.subject, NEW.kind, NEW.local_date, NEW.effective_at);
END;
CREATE TRIGGER reading_gone AFTER DELETE ON readings BEGIN
    INSERT INTO reading_recounts VALUES (OLD.subject, OLD.kind, OLD.local_date, OLD.effective_at);
END;
