"""A store behind a real pooler: usable in session mode, refused in transaction mode."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from runner.errors import StoreError
from runner.store.postgres.server import Server
from runner.store.postgres.store import PostgresStore
from tests.refusals import refused
from tests.servers.pgbouncer import pooled
from tests.servers.postgres import PostgresServer, postgres_server, postgres_url
from tests.store.journals import event, vault, write

__all__ = ["postgres_server", "postgres_url"]
pytestmark = pytest.mark.postgres


def test_a_pooler_in_session_mode_is_used(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    with (
        pooled(postgres_server, postgres_url, "session", tmp_path) as url,
        closing(PostgresStore(url, vault(), create=True)) as store,
    ):
        alive = store.register_worker("w-1")
        write(store, "i", event())
        assert store.worker_alive("w-1")
        alive.release()
        assert not store.worker_alive("w-1")


def test_a_pooler_in_transaction_mode_is_refused(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    PostgresStore(postgres_url, vault(), create=True).close()
    with pooled(postgres_server, postgres_url, "transaction", tmp_path) as url:
        for _ in range(3):
            with refused("store_pooled", StoreError):
                PostgresStore(url, vault())
        server = Server(url, None, timedelta(seconds=5))
        for _ in range(2):
            with refused("store_pooled", StoreError):
                server.connect()
