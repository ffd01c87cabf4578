"""The law and the notice templates that an incident is judged and written by, pinned with it by digest."""

from __future__ import annotations

import msgspec

from runner.model.notice import Notice
from runner.model.regime import Regime


class PinnedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A template's front matter and its text."""

    notice: Notice
    body: str


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was in force for an incident at its opening."""

    regimes: tuple[Regime, ...] = ()
    notices: dict[str, PinnedNotice] = {}
