"""Join a reference from the settings to a vault, without fetching anything yet."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from runner.vault.keys import Vault
from runner.vault.master_key import read_master


def open_vault(reference: str, *, base: Path) -> Vault:
    """Return a vault whose master key is behind ``reference``; nothing is read until a key is needed."""
    return Vault(partial(read_master, reference, base=base))
