"""The tables of notices to many people, and every statement about them, as both stores understand them.

They are made when a first campaign is planned, in old stores as well; a table added later is filled then. A store writes ``?`` and the tables' names in its
own form. Only counts read a whole list: SQLite has no statistics of a table and plans by the text of a condition, so a
``state || ''`` prevents an index over all ready people if their numbers are known. Columns have the state of a person and no identity: names and addresses are in ``bulk_contacts``, sealed, and
look-up values (a reference, an address, a destination) are keyed digests.
"""

from __future__ import annotations

from pathlib import Path

TABLES = tuple(filter(None, Path(__file__).with_name("schema.sql").read_text(encoding="utf-8").split(";\n")))
"""The statements that make the tables."""
_COLUMNS = {
    "campaigns": 11,
    "owed": 16,
    "keys": 3,
    "contacts": 3,
    "chunks": 7,
    "attempts": 9,
    "suppressed": 3,
}
COPIED = {
    f"bulk_{name}": (
        " ".join(("SELECT * FROM", f"bulk_{name}")),
        " ".join(("INSERT INTO", f"bulk_{name}", f"VALUES ({', '.join('?' * count)})")),
    )
    for name, count in _COLUMNS.items()
}
"""Tables in a copy of a store: the statements that read each table, and write it into the copy."""

PEPPER = "bulk.pepper"
SELECT_SETTING = "SELECT value FROM settings WHERE name = ?"
INSERT_SETTING = "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"

CAMPAIGN = "SELECT state, body, tag, sent, bounced, complaints FROM bulk_campaigns"
CAMPAIGNS = CAMPAIGN + " WHERE incident = ? AND state <> 'partial' ORDER BY id"
PARTIAL = "SELECT id FROM bulk_campaigns WHERE incident = ? AND state = 'partial' ORDER BY id"
INSERT_CAMPAIGN = "INSERT INTO bulk_campaigns VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)"
UPDATE_CAMPAIGN = "UPDATE bulk_campaigns SET body = ? WHERE id = ?"
SET_STATE = "UPDATE bulk_campaigns SET state = ? WHERE id = ? AND state IN ({states})"
STATE = "SELECT state, chunks FROM bulk_campaigns WHERE id = ?"
COUNT = """UPDATE bulk_campaigns SET sent = sent + ?, bounced = bounced + ?, complaints = complaints + ?
    WHERE id = ?"""
NEXT_CHUNK = "UPDATE bulk_campaigns SET chunks = chunks + 1 WHERE id = ?"

INSERT_OWED = "INSERT INTO bulk_owed VALUES (?, ?, ?, ?, ?, ?, ?, 0, '', 0, ?, ?, ?, ?, ?, ?)"
INSERT_CONTACT = "INSERT INTO bulk_contacts VALUES (?, ?, ?)"
INSERT_KEY = "INSERT INTO bulk_keys VALUES (?, ?, ?) ON CONFLICT (campaign, key, n) DO NOTHING"
KEYED = "bulk.keys"
"""The setting that says that all people of older campaigns are in ``bulk_keys``: some campaigns are older than that table."""
ALL_KEYS = (
    """INSERT INTO bulk_keys SELECT campaign, reference, n FROM bulk_owed WHERE length(reference) > 0
    ON CONFLICT (campaign, key, n) DO NOTHING""",
    """INSERT INTO bulk_keys SELECT campaign, address, n FROM bulk_owed WHERE length(address) > 0
    ON CONFLICT (campaign, key, n) DO NOTHING""",
)
_OF_KEY = "FROM bulk_keys k JOIN bulk_owed o ON o.campaign = k.campaign AND o.n = k.n"
TAKEN = f"""SELECT o.address, o.person {_OF_KEY} WHERE k.campaign = ? AND k.key IN ({{keys}}) AND o.address = k.key
    AND o.state <> 'duplicate'"""
STANDING = """SELECT o.campaign, o.n, o.grp, o.state, o.ways, o.evidence, o.tries, o.not_before, o.chunk, o.hit, o.why,
    o.address, o.domain"""
"""In the order of the fields of ``Owed``."""
_CLAIMED = "?, ((o.hit & 7) * 8) | (o.hit & 56), ''"
"""The hits of the contact method before become hits of earlier ones."""
SELECT_READY = f"""{STANDING.replace("o.state", "'sending'").replace("o.chunk, o.hit, o.why", _CLAIMED)} FROM bulk_owed o
    WHERE campaign = ? AND state = 'ready' AND way = ? AND not_before <= ? AND grp IN ({{groups}})
    ORDER BY not_before, n LIMIT ?"""
"""Their state after the claim."""
SOONEST = """SELECT min(not_before) FROM bulk_owed
    WHERE campaign = ? AND state = 'ready' AND way = ? AND grp IN ({groups})"""
CLAIM = """UPDATE bulk_owed SET state = 'sending', chunk = ? WHERE campaign = ? AND state || '' = 'ready'
    AND n IN ({numbers})"""
INSERT_CHUNK = "INSERT INTO bulk_chunks VALUES (?, ?, 'sending', ?, ?, ?, ?)"
CONTACTS = "SELECT n, body FROM bulk_contacts WHERE campaign = ? AND n IN ({numbers})"
SETTLE = """UPDATE bulk_owed SET state = ?, ways = ?, way = ?, evidence = ?, tries = ?, not_before = ?, hit = ?,
    why = ?{elsewhere} WHERE campaign = ? AND state = ? AND chunk = ? AND n IN ({numbers})"""
ELSEWHERE = ", address = ?, domain = ?"
"""Only for people who use another channel now."""
SETTLED = SETTLE.count("?")
"""Its values, without the look-up keys and without the numbers."""
INSERT_ATTEMPT = "INSERT INTO bulk_attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
END_CHUNK = "UPDATE bulk_chunks SET state = ?, digest = ? WHERE campaign = ? AND n = ?"
RELEASE = "UPDATE bulk_owed SET not_before = '' WHERE campaign = ? AND state = 'ready' AND not_before >= ?"
OPEN_CHUNKS = "SELECT n, way FROM bulk_chunks WHERE campaign = ? AND state = 'sending' ORDER BY n"
IN_CHUNK = "SELECT n FROM bulk_owed WHERE campaign = ? AND chunk = ? AND state = 'sending' ORDER BY n"
LOSE = """UPDATE bulk_owed SET state = 'unknown', tries = tries + 1, why = ?
    WHERE campaign = ? AND chunk = ? AND state || '' = 'sending' AND n IN ({numbers})"""
AGAIN = (
    "UPDATE bulk_owed SET state = 'ready', not_before = '', why = ? WHERE campaign = ? AND state = 'unknown'"
)
CHUNKS = "SELECT n, state, way, size, digest FROM bulk_chunks WHERE campaign = ? AND n > ? ORDER BY n LIMIT ?"
ATTEMPTS = """SELECT n, way, state, code, provider, body, at FROM bulk_attempts
    WHERE campaign = ? AND chunk = ? ORDER BY n"""

TALLY = """SELECT grp, state, evidence, way, why, CASE WHEN not_before > ? THEN 1 ELSE 0 END, hit, count(*)
    FROM bulk_owed WHERE campaign = ? GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7"""
OVERLAP = """SELECT count(DISTINCT k.n) FROM bulk_keys k JOIN bulk_keys j ON j.campaign = ? AND j.key = k.key
    JOIN bulk_owed o ON o.campaign = k.campaign AND o.n = k.n JOIN bulk_owed p ON p.campaign = j.campaign AND p.n = j.n
    WHERE k.campaign = ? AND o.state || '' = 'ready' AND p.state || '' IN ('ready', 'sending', 'notified', 'unknown')"""
LISTED = """SELECT o.n, o.state, o.why, c.body FROM bulk_owed o JOIN bulk_contacts c ON c.campaign = o.campaign AND c.n = o.n
    WHERE o.campaign = ? AND o.n > ? AND o.state IN ({states}) ORDER BY o.n LIMIT ?"""

BY_NUMBER = STANDING + " FROM bulk_owed o WHERE o.campaign = ? AND o.n = ?"
BY_REFERENCE = f"""{STANDING} {_OF_KEY} WHERE k.campaign = ? AND k.key = ? AND o.reference = k.key
    AND o.state <> 'duplicate'"""
_WHOLE = "SELECT id FROM bulk_campaigns WHERE state <> 'partial'"
BY_ADDRESS = f"{STANDING} {_OF_KEY} WHERE k.campaign IN ({_WHOLE}) AND k.key = ? AND o.address = k.key"
BY_PROVIDER = f"""{STANDING} FROM bulk_attempts a JOIN bulk_owed o ON o.campaign = a.campaign AND o.n = a.n
    WHERE a.provider = ? AND a.provider <> '' AND a.way = ?"""
SUBSTITUTE = """UPDATE bulk_owed SET state = 'substituted', why = ? WHERE campaign = ? AND grp IN ({groups})
    AND state IN ({states})"""

SUPPRESS = """INSERT INTO bulk_suppressed VALUES (?, ?, ?) ON CONFLICT (address, reason) DO NOTHING"""
SUPPRESSED = "SELECT address, reason FROM bulk_suppressed WHERE address IN ({keys}) ORDER BY reason"
SUPPRESSED_BY = "SELECT reason, count(*) FROM bulk_suppressed GROUP BY reason ORDER BY reason"
_PAGE_OF = """DELETE FROM {table} WHERE campaign = ? AND {key} <= (SELECT {key} FROM (SELECT {key} FROM {table}
    WHERE campaign = ? ORDER BY {key} LIMIT {page}) AS page ORDER BY {key} DESC LIMIT 1)"""
DROP = tuple(
    _PAGE_OF.replace("{table}", table).replace("{key}", key)
    for table, key in (("bulk_keys", "key"), ("bulk_contacts", "n"), ("bulk_owed", "n"))
)
"""Each deletes one page of a campaign that has sent nothing."""
DROP_CAMPAIGN = "DELETE FROM bulk_campaigns WHERE id = ?"
