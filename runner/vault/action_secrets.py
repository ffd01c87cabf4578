"""Secrets that automatic actions may have: those of a list in the settings, and never one that Tocsin itself needs.

A playbook may come from a stranger. It can only choose a name from the list, so the list must not lead to the master
key or to the secret of a channel, by whatever path.
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
    """Return a secret by its name in ``act.secrets``; raises Refused, or as ``resolve`` does."""
    reference = home.act.secrets.get(name)
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
    """Tell whether a reference leads to the master key, the store's password or a channel's secret."""
    return any(_same(reference, other, base) for other in home.private_references)


def _same(one: str, other: str, base: Path) -> bool:
    (kind, _, rest), (other_kind, _, other_rest) = one.partition(":"), other.partition(":")
    if kind != other_kind:
        return False
    if kind != "file":
        return rest.casefold() == other_rest.casefold()  # Windows knows variables in either case
    path, private = (base / Path(given).expanduser() for given in (rest, other_rest))
    try:
        return path.samefile(private)  # through links of either kind
    except OSError:
        return os.path.realpath(path) == os.path.realpath(private)
