-- Days of which somebody was told that too little was drunk so far: once a day at most, also over restarts.
CREATE TABLE drinks_behind (
    subject INTEGER NOT NULL,
    local_date TEXT NOT NULL,                     -- the resident's day
    told_at TEXT NOT NULL,                        -- UTC, milliseconds, ends in Z
    PRIMARY KEY (subject, local_date)
) STRICT, WITHOUT ROWID;
