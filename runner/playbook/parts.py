"""The pieces of which the steps of a playbook consist: ids, due times, calls, quorums, waits."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, NamedTuple, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from runner.facts.expression import Expression

Phase = Literal[
    "preparation",
    "detection and analysis",
    "containment",
    "eradication",
    "recovery",
    "post-incident",
    "coordination",
]
"""NIST SP 800-61 r2 phases, plus the federal playbook's coordination lane."""
PHASES: tuple[str, ...] = get_args(Phase)

Horizon = Literal["now", "today", "later"]

# The JSON Schema has the same patterns; (?!\n) because Python's $ also matches before a last line break.
Id = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$(?!\n)", title="an id")]
"""Steps, roles, messages, playbooks: lower case, so that ids survive command lines and file systems."""
Words = Annotated[str, Meta(pattern=r"\S", title="text")]
Recipient = Annotated[str, Meta(pattern=r"^(role|person):[^\s:]+$(?!\n)", title="a recipient")]
Subcategory = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}\.[A-Z]{2}(-\d{2})?$(?!\n)", title="a CSF 2.0 subcategory")
]
Semver = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$(?!\n)",
        title="a version",
    ),
]
Status = Annotated[int, Meta(ge=100, le=599)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of every part of a playbook: frozen, without unknown keys."""


class After(Part, frozen=True, kw_only=True):
    """The steps that must have ended first: all of them, or any one."""

    steps: tuple[str, ...] = ()
    join: Literal["all", "any"] = "all"


class Due(Part, frozen=True, kw_only=True):
    """A due time: ``offset`` (negative for "before") from an anchor.

    ``ready`` is the moment the step is ready; ``fact``, ``step`` and ``duty`` name theirs in ``ref``.
    ``hours`` names a fact with the number of hours from discovery, or from ready if that is earlier; ``offset`` counts while the fact is unknown or out of bounds.
    """

    offset: timedelta
    anchor: Literal["ready", "opened", "fact", "step", "duty"] = "ready"
    ref: str = ""
    hours: str = ""


MAX_HOURS = 720
"""Most hours of a due time that a fact gives; more, or not more than 0, is not used."""


class Retry(Part, frozen=True, kw_only=True):
    """Automatic retries of an effect: pauses grow by ``factor`` up to ``at_most``."""

    times: Annotated[int, Meta(ge=0, le=100)] = 0
    wait: timedelta = timedelta(seconds=30)
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0
    at_most: timedelta = timedelta(minutes=10)


DEPUTIES = "deputies"
"""The one value of an approval's ``escalate``: the deputies of its own roles."""


class OnOverdue(Part, frozen=True, kw_only=True):
    """Actions after a due time: reminders to the assignee, and an escalation to a role or, for an approval, to deputies."""

    remind: timedelta | None = None
    """Repeat the reminder after this time, doubling each time."""
    times: Annotated[int, Meta(ge=0, le=20)] = 3
    escalate: str = ""
    """The role that is alerted, and can complete the step from then on; for an approval always ``deputies``."""


class Defaults(Part, frozen=True, kw_only=True):
    """Values of the steps inside that do not have the key themselves, if their kind has the key."""

    role: str = ""
    phase: Phase | None = None
    on_overdue: OnOverdue | None = None
    """For steps with ``due``; an approval has its reminders only, and escalates to the deputies of its own roles."""


class Must(Part, frozen=True, kw_only=True):
    """A checklist item on which safety or evidence depends: it is marked done alone, never together with others."""

    must: Words


class FormField(Part, frozen=True, kw_only=True):
    """One question of a form; its answer becomes the fact ``fact``. Without ``when`` the question is always asked."""

    fact: str
    ask: Words
    help: str = ""
    choices: tuple[Words, ...] = ()
    when: Expression | None = None
    unknown_as: Literal["", "yes", "no"] = ""
    """The answer that "unknown" counts as: it is recorded as assumed, and the field is closed."""


class Quorum(Part, frozen=True, kw_only=True):
    """The approvers: ``distinct`` different persons, each with one of ``roles``."""

    roles: Annotated[tuple[str, ...], Meta(min_length=1)]
    distinct: Annotated[int, Meta(ge=1, le=20)] = 1
    every_role: bool = False
    """Each of the roles must be among the approvers."""


class HttpCall(Part, frozen=True, kw_only=True):
    """One HTTP request to a host that the settings allow; ``expect`` are the statuses that mean done."""

    url: str
    method: Literal["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"] = "POST"
    headers: dict[str, str] = {}
    json: dict[str, msgspec.Raw] | None = None
    expect: tuple[Status, ...] = ()
    idempotent: bool = False
    """The server supports the Idempotency-Key header, so an unanswered call can be repeated."""


def host_of(url: str) -> str:
    """Return the host of a web address, empty if it is not one or contains a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return (parts.hostname or "") if good else ""


class HeaderSecret(NamedTuple):
    """A secret of the settings' list, in the form of a header: ``secret:NAME``, or ``Bearer secret:NAME``."""

    scheme: str
    """The prefix before the secret, with its space."""
    name: str


_SECRET = re.compile(r"([A-Za-z][\w-]* |)secret:([A-Za-z0-9][\w.-]*)")
_REFERENCE = re.compile(r"(?:^|\s)(?:env|file|keyring|command|secret):|\$\{?[A-Za-z_]", re.IGNORECASE)


def secret_in(value: str) -> HeaderSecret | None:
    """Return the secret that a header's value names, None if the value does not have the one valid form."""
    match = _SECRET.fullmatch(value)
    return HeaderSecret(*match.groups()) if match else None


def is_bad_reference(value: str) -> bool:
    """Return whether a header's value looks like a reference but is not: it would be sent unchanged."""
    return secret_in(value) is None and _REFERENCE.search(value) is not None


DutyState = Literal[
    "filed", "decided_not_to_notify", "waived", "applies", "unknown", "not_applicable", "advisory"
]
"""States of a duty that a wait can wait for: a record of the duty, or its verdict."""


class WaitFor(Part, frozen=True, kw_only=True):
    """Exactly one of: a duration from ready, an instant (RFC 3339), a fact known, a duty in a state.

    With a fact, the duration is the longest wait for it: ``at_most`` in the file.
    """

    duration: timedelta | None = None
    until: str = ""
    fact: str = ""
    duty: str = ""
    state: DutyState = "filed"
