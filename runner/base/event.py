"""Base of every event: its stream, and whether its payload is encrypted."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Stream = Literal["operational", "privileged", "hr"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """What all events share. ``personal`` payloads are sealed under the incident's data key."""

    personal: ClassVar[bool] = False
    stream: ClassVar[Stream] = "operational"


class Personal(Event, frozen=True, kw_only=True):
    """What events share that can carry a person's words or name, or the value of a fact."""

    personal: ClassVar[bool] = True
