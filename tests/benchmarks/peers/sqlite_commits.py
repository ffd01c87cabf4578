"""The limit: how many commits of one 512-byte event a second SQLite does here with full durability."""

from __future__ import annotations

import sqlite3
import time

from protocol import job, report

JOB = job()
EVENT = "x" * 512

connection = sqlite3.connect(JOB.folder / "limit.sqlite", isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=FULL")
connection.execute("CREATE TABLE event (number INTEGER PRIMARY KEY, body TEXT)")
started = time.perf_counter()
for _ in range(JOB.n):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO event (body) VALUES (?)", (EVENT,))
    connection.execute("COMMIT")
report(JOB, rate=JOB.n / (time.perf_counter() - started))
