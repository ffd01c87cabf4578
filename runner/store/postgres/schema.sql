-- The shared store. The columns are those of the embedded one, so that a copy can go from one to the other.
-- Instants are text in UTC, always with microseconds; identifiers compare byte by byte.
CREATE SCHEMA tocsin;

CREATE TABLE tocsin.meta (
    schema_version integer NOT NULL
);
INSERT INTO tocsin.meta VALUES (4);

CREATE TABLE tocsin.events (
    incident text COLLATE "C" NOT NULL,
    seq      bigint NOT NULL,
    header   text NOT NULL,       -- canonical JSON, exactly the bytes that were hashed
    salt     bytea,               -- NULL where the payload is sealed: its salt is inside
    payload  bytea NOT NULL,      -- JSON, or sealed
    hash     bytea NOT NULL,
    PRIMARY KEY (incident, seq)
);

CREATE FUNCTION tocsin.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON tocsin.events
    FOR EACH STATEMENT EXECUTE FUNCTION tocsin.refuse();

-- A projection of the journal, and the witness of where each incident's journal ends.
CREATE TABLE tocsin.incidents (
    id        text COLLATE "C" PRIMARY KEY,
    version   bigint NOT NULL,
    head      bytea NOT NULL,
    state     text NOT NULL,
    has_work  boolean NOT NULL,
    next_due  text COLLATE "C",
    kind      text NOT NULL,
    opened_at text COLLATE "C" NOT NULL,
    codename  text NOT NULL,
    sealed    boolean NOT NULL,
    private   bytea NOT NULL,     -- title and summary
    mac       bytea               -- of all other columns; empty after a change without the key
) WITH (fillfactor = 50);

-- An incident as folded up to one event, sealed. A projection: dropped and made again at will, never evidence.
CREATE TABLE tocsin.snapshots (
    incident text COLLATE "C" PRIMARY KEY,
    version  bigint NOT NULL,
    head     bytea NOT NULL,       -- the hash of that event
    code     text NOT NULL,       -- what folded it
    body     bytea NOT NULL
);

-- The wrapped data key of each incident that has personal data; NULL once shredded.
CREATE TABLE tocsin.keys (
    incident text COLLATE "C" PRIMARY KEY,
    wrapped  bytea
);

CREATE TABLE tocsin.blobs (
    place    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest   text COLLATE "C" NOT NULL,
    incident text COLLATE "C" NOT NULL,  -- '' for shared documents, which are plain
    body     bytea NOT NULL,
    UNIQUE (digest, incident)
);
CREATE TRIGGER blobs_are_never_changed BEFORE UPDATE ON tocsin.blobs
    FOR EACH STATEMENT EXECUTE FUNCTION tocsin.refuse();

CREATE TABLE tocsin.settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- What all processes know of the world now: which failure domains answer, when an account is free. Never evidence.
CREATE TABLE tocsin.marks (
    name text COLLATE "C" PRIMARY KEY,
    body bytea NOT NULL
);

-- The head of each append to each journal. A checkpoint numbers the new ones and signs the root of the tree.
CREATE TABLE tocsin.head_log (
    place    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    n        bigint,              -- its number in the tree, from 0; NULL until the next checkpoint
    incident text COLLATE "C" NOT NULL,
    entries  bigint NOT NULL,     -- 0: the head of a journal from before heads were keyed
    seq      bigint NOT NULL,
    head     bytea NOT NULL,
    recorded text NOT NULL,
    salt     bytea NOT NULL,
    mac      bytea NOT NULL
);

CREATE UNIQUE INDEX head_log_numbers ON tocsin.head_log (n) WHERE n IS NOT NULL;

CREATE TABLE tocsin.checkpoints (
    size     bigint PRIMARY KEY,
    recorded text NOT NULL,
    peaks    bytea NOT NULL,      -- the right edge of the tree, to continue it
    note     text NOT NULL,       -- signed
    token    bytea                -- of a timestamp authority
);
