-- The embedded store. Instants are text in UTC, always with microseconds, so that they compare as text.
CREATE TABLE events (
    incident TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    header   TEXT NOT NULL,       -- canonical JSON, exactly the bytes that were hashed
    salt     BLOB,                -- NULL where the payload is sealed: its salt is inside
    payload  BLOB NOT NULL,       -- JSON, or sealed
    hash     BLOB NOT NULL,
    PRIMARY KEY (incident, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- A projection of the journal, and the witness of where each incident's journal ends.
CREATE TABLE incidents (
    id        TEXT PRIMARY KEY,
    version   INTEGER NOT NULL,
    head      BLOB NOT NULL,
    state     TEXT NOT NULL,
    has_work  INTEGER NOT NULL,
    next_due  TEXT,
    kind      TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    codename  TEXT NOT NULL,
    sealed    INTEGER NOT NULL,
    private   BLOB NOT NULL,      -- title and summary
    mac       BLOB                -- of all other columns; empty after a change without the key
) STRICT, WITHOUT ROWID;

-- An incident as folded up to one event, sealed. A projection: dropped and made again at will, never evidence.
CREATE TABLE snapshots (
    incident TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    head     BLOB NOT NULL,       -- the hash of that event
    code     TEXT NOT NULL,       -- what folded it
    body     BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The wrapped data key of each incident that has personal data; NULL once shredded.
CREATE TABLE keys (
    incident TEXT PRIMARY KEY,
    wrapped  BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    digest   TEXT NOT NULL,
    incident TEXT NOT NULL,       -- '' for shared documents, which are plain
    body     BLOB NOT NULL,
    UNIQUE (digest, incident)
) STRICT;

CREATE TRIGGER blobs_are_never_changed BEFORE UPDATE ON blobs
BEGIN SELECT RAISE(ABORT, 'documents are never changed'); END;

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What all processes know of the world now: which failure domains answer, when an account is free. Never evidence.
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The head of each append to each journal. A checkpoint numbers the new ones and signs the root of the tree.
CREATE TABLE head_log (
    place    INTEGER PRIMARY KEY,
    n        INTEGER,             -- its number in the tree, from 0; NULL until the next checkpoint
    incident TEXT NOT NULL,
    entries  INTEGER NOT NULL,    -- 0: the head of a journal from before heads were keyed
    seq      INTEGER NOT NULL,
    head     BLOB NOT NULL,
    recorded TEXT NOT NULL,
    salt     BLOB NOT NULL,
    mac      BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX head_log_numbers ON head_log (n) WHERE n IS NOT NULL;

CREATE TABLE checkpoints (
    size     INTEGER PRIMARY KEY,
    recorded TEXT NOT NULL,
    peaks    BLOB NOT NULL,       -- the right edge of the tree, to continue it
    note     TEXT NOT NULL,       -- signed
    token    BLOB                 -- of a timestamp authority
) STRICT, WITHOUT ROWID;
