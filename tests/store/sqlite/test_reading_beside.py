"""A document and a code are read while another thread commits: what is sent does not wait for the disk of what is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from runner.store.sqlite.store import SqliteStore
from tests.store.journals import vault, write


def test_a_document_and_a_code_are_read_during_a_commit_of_another_thread(tmp_path: Path) -> None:
    with (
        closing(SqliteStore(tmp_path / "tocsin.db", vault(), create=True)) as store,
        ThreadPoolExecutor(1) as pool,
    ):
        write(store, "i-1")
        digest = store.put_blob("i-1", b"a letter")
        code = store.vouch("i-1", b"code")

        def change(before: Mapping[str, bytes]) -> Mapping[str, bytes]:
            assert pool.submit(store.get_blob, digest).result(timeout=30) == b"a letter"
            assert pool.submit(store.vouch, "i-1", b"code").result(timeout=30) == code
            return {"mark": b"1"}

        assert store.change_marks(["mark"], change) == {"mark": b"1"}
