"""Marks that let somebody in, or on which a person relies: each is encrypted for its name, with a key of the home.

A row that this key did not make does not exist: whoever can write the database, but has no master key, plants and changes none.
Nothing can show that a row is missing, or that an older form of it was put back under its name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from runner.app.core.repository import HOME_KEYS, SEALED, ChangeMarks, Store
from runner.errors import Sealed
from runner.vault.keys import DataKey

ACCESS = ("calendar/", "login-invited/", "room-link/", "room-login/", "step-link/", "token/")
"""Kinds of marks that let somebody in with a secret."""
KINDS = (*ACCESS, "api-key/", "room-server", "verified/")
"""All kinds that are encrypted."""
UNCONFIRMED = "unsealed/"
"""Before the name of a token or calendar address that an older version stored, until an administrator confirms it."""
_KEY, _PURPOSE = f"{HOME_KEYS}marks", b"tocsin/mark/v1"


class SealedMarks:
    """The marks of a store, those of ``KINDS`` encrypted. A prefix names one kind: another one finds none of them."""

    def __init__(self, store: Store) -> None:
        """Take the store; the key is made with the first mark."""
        self._store = store
        self._kept: DataKey | None = None

    def read(self, prefix: str) -> dict[str, bytes]:
        """Return the marks with this prefix; none of ``KINDS`` without the master key, which tells the true ones."""
        found = self._store.marks(prefix)
        if not prefix.startswith(KINDS):
            return {name: body for name, body in found.items() if not name.startswith(KINDS)}
        with suppress(Sealed):
            return dict(self._opened(found))
        return {}

    def change(self, names: Sequence[str], change: ChangeMarks, *, waits: bool) -> dict[str, bytes]:
        """Change marks as ``Store.change_marks`` does."""
        if not any(name.startswith(KINDS) for name in names):
            return self._store.change_marks(names, change, waits=waits)
        if self._kept is None:
            self._store.key(_KEY)
            self._key()
        made = dict[str, bytes]()

        def sealed(before: Mapping[str, bytes]) -> dict[str, bytes]:
            nonlocal made
            opened = dict(self._opened(before))
            made = dict(change(opened))
            return {
                name: before[name] if opened.get(name) == body else self._sealed(name, body)
                for name, body in made.items()
            }

        self._store.change_marks(names, sealed, waits=waits)
        return made

    def forged(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each kind with marks that the key did not make, and their names; raises Sealed without the master key."""
        found = self._store.marks() if self._store.schema >= SEALED else {}
        opened = dict(self._opened({name: body for name, body in found.items() if name.startswith(KINDS)}))
        for kind in KINDS:
            if names := [name for name in found if name.startswith(kind) and name not in opened]:
                yield kind, names

    def unconfirmed(self) -> dict[str, bytes]:
        """Return the tokens and calendar addresses that an older version stored, by the names that they had. Anybody can have written them."""
        return {name.removeprefix(UNCONFIRMED): body for name, body in self._store.marks(UNCONFIRMED).items()}

    def confirm(self, kept: Mapping[str, bytes]) -> None:
        """Encrypt what a person confirmed, unless there is a newer one of its name; the rest ends."""
        names = [*self._store.marks(UNCONFIRMED), *kept]
        self.change(names, lambda before: {name: before.get(name, kept[name]) for name in kept}, waits=True)

    def remove(self, names: Iterable[str]) -> None:
        """Remove marks, whoever made them."""
        self._store.change_marks([*names], lambda before: {})

    def end_access(self) -> Counter[str]:
        """End all that lets somebody in, whoever made it; return kind → number. In a restored home, what ended would work again."""
        names = [name for name in self._store.marks() if name.startswith((*ACCESS, UNCONFIRMED))]
        self.remove(names)
        return Counter(f"{name.removeprefix(UNCONFIRMED).partition('/')[0]}/" for name in names)

    def _opened(self, found: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        key = self._key() if any(name.startswith(KINDS) for name in found) else None
        for name, body in found.items():
            if not name.startswith(KINDS):
                yield name, body
            elif key is not None:
                with suppress(Sealed):
                    yield name, key.open(body, name.encode())

    def _sealed(self, name: str, body: bytes) -> bytes:
        key = self._key() if name.startswith(KINDS) else None
        return body if key is None else key.seal(body, name.encode())

    def _key(self) -> DataKey | None:
        """Return the key; None if no mark was made with it, or if somebody removed or changed it."""
        if self._kept is None:
            try:
                self._kept = DataKey(self._store.vouch(_KEY, _PURPOSE), os.urandom)
            except Sealed as error:
                if error.code not in ("shredded", "seal_broken"):
                    raise
        return self._kept
