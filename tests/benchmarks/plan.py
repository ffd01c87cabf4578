"""Who runs what, at which scale, and what we mean to reach: the one table of the benchmarks.

Peers that are slow run fewer steps; rates stay comparable, and the scale is printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """On whose side a contestant is; a limit is what the machine itself can do."""

    OURS = "ours"
    PEER = "peer"
    LIMIT = "limit"


@dataclass(frozen=True)
class Entry:
    """One contestant in one workload.

    ``environment`` is ``.venv`` or a name in peers.toml. A ``script`` (below this folder) follows the protocol; a ``command`` is timed
    from outside as a whole. In a command, ``{bin}`` is its environment's folder of programs and ``{folder}`` the contestant's own.
    ``prepare`` runs once with ``--phase prepare``; its folder is copied for every round.
    """

    workload: str
    name: str
    role: Role
    environment: str
    script: str = ""
    n: int = 1
    variant: str = ""
    command: tuple[str, ...] = ()
    prepare: str = ""
    needs_postgres: bool = False


@dataclass(frozen=True)
class Target:
    """We reach it when ``name`` is at least ``times`` as good as ``against``: faster, or more a second."""

    workload: str
    name: str
    against: str
    times: float


@dataclass(frozen=True)
class Bound:
    """We keep it when ``name`` needs no more than ``at_most`` megabytes."""

    workload: str
    name: str
    at_most: float


def peer(workload: str, name: str, environment: str, n: int, variant: str = "", **more: object) -> Entry:
    """Return a peer with a script of its own."""
    script = f"peers/{environment}_runs.py"
    return Entry(workload, name, Role.PEER, environment, script, n, variant, **more)


def ours(workload: str, name: str, script: str, n: int, variant: str = "", **more: object) -> Entry:
    """Return one of our own, run in the project's environment."""
    return Entry(workload, name, Role.OURS, ".venv", f"ours/{script}", n, variant, **more)


def starts(name: str, home: str, *words: str) -> Entry:
    """Return a command of ours in a prepared home, timed from outside."""
    command = ("{bin}/tocsin", "--home", f"{{folder}}/{home}", *words)
    return Entry("C", name, Role.OURS, ".venv", command=command, prepare="ours/files.py")


ENTRIES: tuple[Entry, ...] = (
    # W1: steps in a row
    ours("W1", "tocsin", "w1.py", 1_000),
    Entry("W1", "sqlite commits", Role.LIMIT, ".venv", "peers/sqlite_commits.py", 1_000),
    peer("W1", "dbos", "dbos", 1_000, "sqlite"),
    peer("W1", "dbos tuned", "dbos", 1_000, "wal"),
    peer("W1", "dbos postgres", "dbos", 500, "postgres", needs_postgres=True),
    peer("W1", "pypyr (in memory)", "pypyr", 1_000),
    peer("W1", "spiff (in memory)", "spiff", 1_000),
    peer("W1", "spiff (saved)", "spiff", 1_000, "durable"),
    peer("W1", "ansible", "ansible", 100),
    peer("W1", "prefect", "prefect", 100),
    # W2: many runs at once
    ours("W2", "tocsin", "w2.py", 10_000),
    ours("W2", "tocsin postgres", "w2.py", 10_000, "postgres", needs_postgres=True),
    peer("W2", "dbos", "dbos", 2_000, "sqlite"),
    peer("W2", "dbos tuned", "dbos", 2_000, "wal"),
    peer("W2", "dbos postgres", "dbos", 2_000, "postgres", needs_postgres=True),
    peer("W2", "pypyr (in memory)", "pypyr", 10_000),
    peer("W2", "spiff (in memory)", "spiff", 10_000),
    peer("W2", "ansible", "ansible", 80),
    peer("W2", "prefect", "prefect", 100),
    # W3: open what has a long past
    ours("W3", "tocsin", "w3.py", 10_000, prepare="ours/w3.py"),
    ours("W3", "tocsin, no snapshot", "w3.py", 10_000, "folded", prepare="ours/w3.py"),
    peer("W3", "dbos", "dbos", 10_000, "sqlite", prepare="peers/dbos_runs.py"),
    peer("W3", "dbos tuned", "dbos", 10_000, "wal", prepare="peers/dbos_runs.py"),
    # W4: from nothing to the first step done
    Entry(
        "W4",
        "tocsin",
        Role.OURS,
        ".venv",
        n=3,
        command=(
            "{bin}/tocsin",
            "--home",
            "{folder}/quiet",
            "open",
            "{folder}/three.yaml",
            "--yes",
            "--no-worker",
        ),
        prepare="ours/files.py",
    ),
    Entry(
        "W4",
        "pypyr",
        Role.PEER,
        "pypyr",
        command=("{bin}/pypyr", "three", "--dir", "{folder}"),
        prepare="peers/files.py",
    ),
    peer("W4", "dbos", "dbos", 3, "sqlite"),
    peer("W4", "spiff (no command)", "spiff", 3),
    peer("W4", "ansible", "ansible", 3),
    peer("W4", "prefect", "prefect", 3),
    # V: check a file
    Entry(
        "V",
        "tocsin",
        Role.OURS,
        ".venv",
        n=200,
        command=("{bin}/tocsin", "playbook", "validate", "{folder}/playbook.yaml"),
        prepare="ours/files.py",
    ),
    Entry(
        "V",
        "ansible",
        Role.PEER,
        "ansible",
        n=200,
        command=("{bin}/ansible-playbook", "-i", "localhost,", "--syntax-check", "{folder}/playbook.yaml"),
        prepare="peers/files.py",
    ),
    # L: load the law
    ours("L", "law kept", "law.py", 190, "kept", prepare="ours/law.py"),
    ours("L", "law compiled", "law.py", 190, prepare="ours/law.py"),
    # A: judge incidents by all law
    ours("A", "tocsin", "assess.py", 1_000, prepare="ours/assess.py"),
    ours("A", "tocsin, many", "assess.py", 10_000, prepare="ours/assess.py"),
    ours("A", "tocsin, in full", "assess.py", 200, "full", prepare="ours/assess.py"),
    peer("A", "jinja2", "conditions", 200, "jinja", prepare="peers/conditions_runs.py"),
    peer("A", "cel-python", "conditions", 4, "cel", prepare="peers/conditions_runs.py"),
    # P: print a letter to each of n people
    ours("P", "tocsin", "letters.py", 1_000, "pdf", prepare="ours/letters.py"),
    ours("P", "tocsin, many", "letters.py", 4_000, "pdf", prepare="ours/letters.py"),
    ours("P", "tocsin, print batches", "letters.py", 10_000, "1000", prepare="ours/letters.py"),
    ours("P", "tocsin, many print batches", "letters.py", 40_000, "1000", prepare="ours/letters.py"),
    ours("P", "tocsin, as DOCX", "letters.py", 4_000, "docx", prepare="ours/letters.py"),
    peer("P", "docxtpl", "docxtpl", 400, "2"),
    peer("P", "weasyprint", "weasyprint", 100, "2"),
    # B: a personal mail to each of n people over one connection
    ours("B", "tocsin", "bulk.py", 50_000, prepare="ours/bulk.py"),
    Entry("B", "smtplib, composed", Role.PEER, ".venv", "peers/pipelined_mail.py", 20_000, "composed"),
    Entry("B", "smtplib, email", Role.PEER, ".venv", "peers/pipelined_mail.py", 2_000, "email"),
    ours("B", "tocsin, Postfix", "bulk.py", 5_000, "postfix", prepare="ours/bulk.py"),
    Entry("B", "composed, Postfix", Role.PEER, ".venv", "peers/pipelined_mail.py", 5_000, "composed/postfix"),
    Entry("B", "smtplib, bytes", Role.LIMIT, ".venv", "peers/pipelined_mail.py", 20_000, "bytes"),
    # H, E: a message to each of n people over HTTP and by mail
    ours("H", "tocsin", "messages.py", 1_000),
    ours("H", "tocsin, many", "messages.py", 4_000),
    Entry("H", "requests", Role.LIMIT, ".venv", "peers/bare_messages.py", 2_000),
    Entry("H", "apprise", Role.PEER, ".venv", "peers/bare_messages.py", 400, "apprise"),
    ours("E", "tocsin", "messages.py", 1_000),
    Entry("E", "smtplib", Role.LIMIT, ".venv", "peers/bare_messages.py", 2_000),
    Entry("E", "apprise", Role.PEER, ".venv", "peers/bare_messages.py", 200, "apprise"),
    # D: an exercise without people; n is the virtual days
    ours("D", "tocsin", "drills.py", 14, prepare="ours/drills.py"),
    # Q: an exercise in which nothing is due
    ours("Q", "quiet hour", "drills.py", 1, "1h", prepare="ours/drills.py"),
    ours("Q", "quiet day", "drills.py", 1, "1d", prepare="ours/drills.py"),
    ours("Q", "quiet year", "drills.py", 365, "365d", prepare="ours/drills.py"),
    # N: which channel carries a message to whom
    ours("N", "tocsin", "planner.py", 1_000),
    ours("N", "tocsin, many", "planner.py", 10_000),
    # C is how long it takes to start
    Entry("C", "tocsin version", Role.OURS, ".venv", command=("{bin}/tocsin", "version")),
    starts("tocsin status", "home", "status"),
    starts("tocsin next", "home", "next"),
    starts("tocsin fact set", "home", "fact", "set", "incident.summary=A laptop", "--source", "the owner"),
    starts("tocsin open", "home", "open", "ransomware", "--yes", "--no-worker"),
    starts("tocsin open, new home", "new", "open", "ransomware", "--yes", "--no-worker"),
    Entry("C", "bare Python", Role.LIMIT, ".venv", command=("{bin}/python", "-c", "pass")),
    Entry("C", "pypyr", Role.PEER, "pypyr", command=("{bin}/pypyr", "--version")),
    Entry("C", "ansible", Role.PEER, "ansible", command=("{bin}/ansible-playbook", "--version")),
    Entry("C", "dbos", Role.PEER, "dbos", command=("{bin}/dbos", "version")),
    Entry("C", "prefect", Role.PEER, "prefect", command=("{bin}/prefect", "--version")),
    # M is memory
    ours("M", "tocsin", "memory.py", 1_000, prepare="ours/memory.py"),
    ours("M", "bulk", "bulk_memory.py", 20_000, prepare="ours/bulk_memory.py"),
    ours("M", "bulk, many", "bulk_memory.py", 100_000, prepare="ours/bulk_memory.py"),
)

TARGETS: tuple[Target, ...] = (
    Target("W1", "tocsin", "dbos tuned", 4),
    Target("W1", "tocsin", "dbos", 6),
    Target("W1", "tocsin", "sqlite commits", 0.5),
    Target("W2", "tocsin", "dbos tuned", 25),
    Target("W2", "tocsin postgres", "dbos postgres", 7),
    Target("W3", "tocsin", "dbos", 40),
    Target("W4", "tocsin", "pypyr", 0.5),
    Target("W4", "tocsin", "dbos", 3),
    Target("V", "tocsin", "ansible", 4),
    Target("L", "law kept", "law compiled", 5),
    Target("A", "tocsin", "jinja2", 2.5),
    Target("A", "tocsin", "cel-python", 100),
    # ten times as many incidents take ten times as long
    Target("A", "tocsin, many", "tocsin", 0.9),
    Target("P", "tocsin", "docxtpl", 2.6),
    Target("P", "tocsin, as DOCX", "docxtpl", 10),
    Target("P", "tocsin", "weasyprint", 8.8),
    # four times as many letters take four times as long, start-up aside
    Target("P", "tocsin, many", "tocsin", 0.95),
    Target("P", "tocsin, many print batches", "tocsin, print batches", 0.95),
    Target("P", "tocsin, print batches", "docxtpl", 20),
    # at most 15 % over a bare sender of the same mails
    Target("B", "tocsin", "smtplib, composed", 0.85),
    Target("B", "tocsin, Postfix", "composed, Postfix", 0.85),
    # five times as many people need no more memory
    Target("M", "bulk, many", "bulk", 0.9),
    Target("H", "tocsin", "apprise", 2),
    Target("H", "tocsin", "requests", 0.5),
    # four times as many messages take four times as long, start-up aside
    Target("H", "tocsin, many", "tocsin", 0.9),
    Target("E", "tocsin", "apprise", 2),
    # a stretch in which nothing is due costs the same however long it is, but for looking when the next thing is
    Target("Q", "quiet day", "quiet hour", 0.9),
    Target("Q", "quiet year", "quiet hour", 0.9),
    Target("N", "tocsin, many", "tocsin", 0.9),
    Target("C", "tocsin version", "bare Python", 1 / 7),
    Target("C", "tocsin status", "bare Python", 1 / 12),
    Target("C", "tocsin next", "bare Python", 1 / 12),
    Target("C", "tocsin fact set", "bare Python", 1 / 14),
    Target("C", "tocsin open, new home", "bare Python", 1 / 60),
)

BOUNDS: tuple[Bound, ...] = (Bound("M", "tocsin", 80),)

WORKLOADS = ("W1", "W2", "W3", "W4", "V", "L", "A", "P", "B", "H", "E", "D", "Q", "N", "C", "M")
