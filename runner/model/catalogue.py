"""The law and the notice templates that an incident is judged and written by, pinned with it by digest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import overload

import msgspec

from runner.model.notice import Notice
from runner.model.outline import Outline
from runner.model.regime import Regime


class PinnedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A template's front matter and its text."""

    notice: Notice
    body: str


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was in force for an incident at its opening."""

    regimes: tuple[Regime, ...] = ()
    notices: dict[str, PinnedNotice] = {}
    outline: Outline | None = None
    """What decides verdicts, in the order of the regimes; None in what was pinned before there were outlines."""


class CatalogueText(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue whose parts are JSON still, as most of it is needed by few commands."""

    regimes: tuple[msgspec.Raw, ...] = ()
    notices: msgspec.Raw = msgspec.Raw(b"{}")
    outline: Outline | None = None


class Laws(Sequence[Regime]):
    """Pinned laws in their order, each decoded when it is first asked for."""

    def __init__(self, texts: Sequence[msgspec.Raw]) -> None:
        """Take the JSON of each law."""
        self._texts = texts
        self._decoded: dict[int, Regime] = {}

    def __len__(self) -> int:  # type: ignore[explicit-override]
        """Return how many laws there are."""
        return len(self._texts)

    @overload
    def __getitem__(self, which: int) -> Regime: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[Regime, ...]: ...
    def __getitem__(  # type: ignore[explicit-override]
        self, which: int | slice
    ) -> Regime | tuple[Regime, ...]:
        """Return one law, or several."""
        if isinstance(which, slice):
            return tuple(self[number] for number in range(*which.indices(len(self))))
        number = range(len(self))[which]
        if number not in self._decoded:
            self._decoded[number] = msgspec.json.decode(self._texts[number], type=Regime)
        return self._decoded[number]


class Pinned:
    """What is pinned with an incident; what nobody asks for is never decoded."""

    def __init__(self, text: CatalogueText) -> None:
        """Take it as it stands in the store."""
        self._notices = text.notices
        self.regimes = Laws(text.regimes)
        self.outline = text.outline

    @cached_property
    def notices(self) -> dict[str, PinnedNotice]:
        """The templates by id."""
        return msgspec.json.decode(self._notices, type=dict[str, PinnedNotice])
