-- Passkeys: ways back in for whoever uses a device. They are that device's, and gone with it.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    device TEXT NOT NULL REFERENCES devices (id),
    -- What the authenticator calls it.
    credential_id BLOB NOT NULL UNIQUE,
    -- The host that it is for.
    host TEXT NOT NULL,
    -- Its public key, its count of uses and whether it is backed up, as the library writes it. Nothing secret.
    credential TEXT NOT NULL,
    -- What its device might do when it was made. JSON: [[1, "vitals", "read"], …]
    grants TEXT NOT NULL,
    made_at TEXT NOT NULL,
    last_used_at TEXT
) STRICT;

CREATE INDEX passkeys_of_device ON passkeys (device);
