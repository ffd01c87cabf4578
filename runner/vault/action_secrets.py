"""Secrets that automatic actions can use: those of a list in the settings, and never a secret that Tocsin itself needs.

The author of a playbook can be unknown. A playbook can only use names from the list, so the list must not contain the master
key or the secret of a channel, under any path.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import Refused
from runner.routing.organisation import Home
from runner.vault.master_key import PREFIX
from runner.vault.secrets import Secret, resolve

HINT = "Add the secret to tocsin.yaml: act: {secrets: {NAME: env:VARIABLE}}"


def given_secret(name: str, home: Home, *, base: Path) -> Secret:
    """Return a secret by its name in ``act.secrets``, or that of a profile; raises Refused, or as ``resolve`` does."""
    reference = home.act.references.get(name)
    if reference is None:
        raise Refused(f'Secret "{name}" for actions does not exist.', hint=HINT, code="unknown_secret")
    secret = None if is_private(reference, home, base=base) else resolve(reference, base=base)
    if secret is None or secret.reveal().startswith(PREFIX):
        raise Refused(
            f'Secret "{name}" belongs to Tocsin. Actions cannot use it.',
            hint="Name another secret in act.secrets of tocsin.yaml.",
            code="secret_private",
        )
    return secret


def is_private(reference: str, home: Home, *, base: Path) -> bool:
    """Return whether a reference names the master key, the store's password or a channel's secret."""
    return any(_same(reference, other, base) for other in home.private_references)


def _same(one: str, other: str, base: Path) -> bool:
    (kind, _, rest), (other_kind, _, other_rest) = one.partition(":"), other.partition(":")
    if kind != other_kind:
        return False
    if kind != "file":
        return rest.casefold() == other_rest.casefold()  # names of Windows variables ignore case
    path, private = (base / Path(given).expanduser() for given in (rest, other_rest))
    try:
        return path.samefile(private)  # through symbolic and hard links
    except OSError:
        return os.path.realpath(path) == os.path.realpath(private)
