-- By which function what is kept was made of what was shown, so that another one can take its place, one row after the other.
ALTER TABLE devices ADD COLUMN hashed_by TEXT NOT NULL DEFAULT 'sha256';
ALTER TABLE codes ADD COLUMN hashed_by TEXT NOT NULL DEFAULT 'sha256';
ALTER TABLE pins ADD COLUMN hashed_by TEXT NOT NULL DEFAULT 'argon2id';
