"""Laws and notice templates of an incident, pinned by digest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date as Day
from functools import cached_property
from typing import Literal, overload

import msgspec

from runner.decoding import from_json
from runner.documents.notice import Notice
from runner.law.regime import Regime
from runner.law.screening_index import Outline

STALE_DAYS = 180
"""The law is old after this time: ``doctor`` warns."""


class PackInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``law/pack.json``: the day on which the law was put together, and the oldest program that can use it."""

    schema: Literal["tocsin/pack/v1"]
    version: str
    date: Day
    program: str

    def age(self, today: Day) -> str:
        """Return the day and the age in words."""
        days = max((today - self.date).days, 0)
        old = ". Look for changes of the law since then" if days > STALE_DAYS else ""
        return f"{self.date} ({days} day{'' if days == 1 else 's'} old){old}"


class PinnedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A template's front matter and its text."""

    notice: Notice
    body: str


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All laws and templates in force at the opening of an incident."""

    regimes: tuple[Regime, ...] = ()
    notices: dict[str, PinnedNotice] = {}
    outline: Outline | None = None
    """The outline of the law for verdicts, in the order of the regimes; None in older bundles without an outline."""
    pack: PackInfo | None = None
    """The date of the law; None in older bundles."""


class CatalogueText(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue whose parts are still JSON, because few commands need most of it."""

    regimes: tuple[msgspec.Raw, ...] = ()
    notices: msgspec.Raw = msgspec.Raw(b"{}")
    outline: Outline | None = None
    pack: PackInfo | None = None


class Contents(CatalogueText, frozen=True, kw_only=True):
    """The pinned files of an incident: the outline of the law, and the SHA-256 of each law and notice."""

    laws_at: str = ""
    """Where the JSON of all laws is stored; empty if they are in this value."""
    notices_at: str = ""


class Laws(Sequence[Regime]):
    """Pinned laws in their order, fetched at the first access, and each decoded at its own."""

    def __init__(self, count: int, fetch: Callable[[], Sequence[msgspec.Raw]]) -> None:
        """Take the contents from the store, and a function that fetches others by SHA-256."""
        self._count = count
        self._fetch = fetch
        self._decoded: dict[int, Regime] = {}

    @cached_property
    def texts(self) -> Sequence[msgspec.Raw]:
        """The JSON of each law."""
        return self._fetch()

    def __len__(self) -> int:  # type: ignore[explicit-override]
        """Return the number of laws."""
        return self._count

    @overload
    def __getitem__(self, which: int) -> Regime: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[Regime, ...]: ...
    def __getitem__(  # type: ignore[explicit-override]
        self, which: int | slice
    ) -> Regime | tuple[Regime, ...]:
        """Return one law, or several."""
        if isinstance(which, slice):
            return tuple(self[number] for number in range(*which.indices(self._count)))
        number = range(self._count)[which]
        if number not in self._decoded:
            self._decoded[number] = from_json(self.texts[number], Regime)
        return self._decoded[number]


class Pinned:
    """Pinned files of an incident; unused ones are neither fetched nor decoded."""

    def __init__(self, contents: Contents, blob: Callable[[str], bytes]) -> None:
        """Take the contents from the store, and a function that fetches others by SHA-256."""
        self.contents = contents
        self.outline = contents.outline
        self._blob = blob
        apart = contents.laws_at and contents.outline is not None
        self.regimes = Laws(
            len(contents.outline.laws) if apart and contents.outline else len(contents.regimes),
            self._texts if apart else lambda: contents.regimes,
        )

    def _texts(self) -> Sequence[msgspec.Raw]:
        return from_json(self._blob(self.contents.laws_at), tuple[msgspec.Raw, ...])

    @cached_property
    def notices(self) -> dict[str, PinnedNotice]:
        """The templates by id."""
        apart = self.contents.notices_at
        body = self._blob(apart) if apart else self.contents.notices
        return from_json(body, dict[str, PinnedNotice])
