"""The share of an append that its MACs and its leaf in the log of heads cost, measured in one run of both.

``python -m tests.benchmarks.ours.heads heads --n 1000 --folder DIR`` prints the ratio; at most 0.05 is meant.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing

from runner.store import rows
from runner.store.chain import Place
from runner.store.heads import HeadKey
from runner.store.rows import Stamp
from runner.store.sqlite.store import SqliteStore
from runner.store.sqlite.transaction import INSERT_LEAF
from tests.benchmarks import protocol
from tests.store.journals import T0, event, personal, row, vault, write


def main() -> None:
    job = protocol.job()
    with closing(SqliteStore(job.folder / "heads.db", vault(), create=True)) as store:
        write(store, "i", event(), personal())
        key = HeadKey(store.key("home/root"))
        start = time.perf_counter()
        for _ in range(job.n):
            write(store, "i", event(), personal())
        whole = time.perf_counter() - start
    stamp, present = Stamp(T0, None, lambda count: b"s" * count), row("i", 2)
    with closing(sqlite3.connect(job.folder / "heads.db", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        start = time.perf_counter()
        for number in range(job.n):
            rows.incident_values(present, b"h" * 32, None, key, b"private")
            leaf = rows.leaf_of(Place("i", number, b"h" * 32), 2, stamp)
            connection.execute(INSERT_LEAF, rows.leaf_values(leaf, key))
        part = time.perf_counter() - start
        connection.execute("ROLLBACK")
    json.dump({"append": whole / job.n, "heads": part / job.n, "ratio": part / whole}, sys.stdout)


if __name__ == "__main__":
    main()
