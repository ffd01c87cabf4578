"""The signing key of a home: made once, listed, and wrapped under the master key."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

from runner.app.core.proof.signing_keys import listed_keys, signing_key
from runner.errors import Sealed
from runner.proof.note import is_signed
from runner.store.open_store import open_store
from runner.store.port import Store
from runner.vault.keys import Vault
from tests.refusals import refused
from tests.store.journals import T0, vault


def test_a_home_signs_with_one_key_that_others_can_list_without_the_master_key(tmp_path: Path):
    def opened(vault: Vault) -> closing[Store]:
        return closing(open_store("sqlite:tocsin.db", vault, base=tmp_path, create=True))

    with opened(vault()) as store:
        assert listed_keys(store) == ()
        key, _ = signing_key(store, T0)
    with opened(vault(b"o" * 32)) as store:
        (listed,) = listed_keys(store)
        with refused("other_master", Sealed):
            signing_key(store, T0)
    assert (listed.number, listed.fingerprint, listed.since, listed.until) == (1, key.fingerprint, T0, None)
    assert is_signed(bytes.fromhex(listed.public), key.sign(b"data"), b"data")
    with opened(vault()) as store:
        again, _ = signing_key(store, T0 + timedelta(days=1))
        assert again.fingerprint == key.fingerprint
        assert listed_keys(store) == (listed,)
