-- The tables of notices to many people, as both stores understand them. Each statement ends with a semicolon and a line end.
CREATE TABLE IF NOT EXISTS bulk_campaigns (
    id         TEXT PRIMARY KEY,
    incident   TEXT NOT NULL,
    notice     TEXT NOT NULL,
    list       TEXT NOT NULL,
    state      TEXT NOT NULL,
    body       BLOB NOT NULL,        -- the plan, as JSON: nothing personal
    tag        BLOB NOT NULL,        -- what names it inside a message's key
    sent       INTEGER NOT NULL,
    bounced    INTEGER NOT NULL,
    complaints INTEGER NOT NULL,
    chunks     INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS bulk_owed (
    campaign   TEXT NOT NULL,
    n          BIGINT NOT NULL,      -- the place in the list, from 1
    grp        INTEGER NOT NULL,
    state      TEXT NOT NULL,
    ways       TEXT NOT NULL,        -- what is left to try, with spaces between
    way        TEXT NOT NULL,        -- the first of them
    evidence   TEXT NOT NULL,
    tries      INTEGER NOT NULL,
    not_before TEXT NOT NULL,        -- empty where it may be at once
    chunk      INTEGER NOT NULL,
    hit        INTEGER NOT NULL,     -- a sum: 1 bounced, 2 complained, 4 opted out; times 8 over an earlier way
    why        TEXT NOT NULL,
    reference  BLOB NOT NULL,
    person     BLOB NOT NULL,
    address    BLOB NOT NULL,        -- of the first way; empty where it needs none
    domain     BLOB NOT NULL,
    PRIMARY KEY (campaign, n)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS bulk_owed_ready ON bulk_owed (campaign, way, not_before, n) WHERE state = 'ready';

CREATE INDEX IF NOT EXISTS bulk_owed_sending ON bulk_owed (campaign, chunk, n) WHERE state = 'sending';

CREATE TABLE IF NOT EXISTS bulk_keys (
    campaign TEXT NOT NULL,
    key      BLOB NOT NULL,          -- a reference, or an address that was somebody's: the person's row says if it still is
    n        BIGINT NOT NULL,
    PRIMARY KEY (campaign, key, n)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS bulk_contacts (
    campaign TEXT NOT NULL,
    n        BIGINT NOT NULL,
    body     BLOB NOT NULL,          -- sealed under the incident's data key
    PRIMARY KEY (campaign, n)
);

CREATE TABLE IF NOT EXISTS bulk_chunks (
    campaign   TEXT NOT NULL,
    n          INTEGER NOT NULL,
    state      TEXT NOT NULL,        -- sending, done, unknown
    way        TEXT NOT NULL,
    size       INTEGER NOT NULL,
    claimed_at TEXT NOT NULL,
    digest     BLOB NOT NULL,        -- over its attempts; empty before they ended
    PRIMARY KEY (campaign, n)
);

CREATE TABLE IF NOT EXISTS bulk_attempts (
    campaign TEXT NOT NULL,
    chunk    INTEGER NOT NULL,
    n        BIGINT NOT NULL,
    way      TEXT NOT NULL,
    state    TEXT NOT NULL,
    code     TEXT NOT NULL,
    provider TEXT NOT NULL,          -- the provider's name for it
    body     BLOB NOT NULL,          -- SHA-256 of what was handed over
    at       TEXT NOT NULL,
    PRIMARY KEY (campaign, chunk, n)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS bulk_attempts_provider ON bulk_attempts (provider) WHERE provider <> '';

CREATE TABLE IF NOT EXISTS bulk_suppressed (
    address BLOB NOT NULL,           -- a keyed digest
    reason  TEXT NOT NULL,
    at      TEXT NOT NULL,
    PRIMARY KEY (address, reason)
);
