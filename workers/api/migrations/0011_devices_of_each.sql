-- One cuff, one scale for each resident: another one of theirs takes its place, and nobody else's.
DROP INDEX devices_paired;
CREATE UNIQUE INDEX devices_paired ON devices (kind, subject) WHERE is_paired = 1;
