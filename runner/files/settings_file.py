"""Reader of ``tocsin.yaml``: every problem with its line, secrets only as references."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from runner.actions import Action
from runner.base.text import near_hint, sentence
from runner.decoding import convert
from runner.errors import Invalid, NotFound, Problem
from runner.playbook.format import secret_in
from runner.playbook.parts import host_of
from runner.routing.message_classes import class_problems
from runner.routing.messaging import BUILT_IN_CLASSES, ChannelConfig
from runner.routing.organisation import AuthProfile, Home, ServeSettings
from runner.routing.traffic import read_rate, read_timeout
from runner.yamlfile.positions import place_of
from runner.yamlfile.source import Source, Where, load

_REFERENCE = re.compile(r"(env|file|keyring|credential|command):.+")
_KNOWN = Home.__struct_fields__
_PUBLIC_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
"""32 bytes in base64: an Ed25519 public key."""
NEEDED: Mapping[str, tuple[str, ...]] = {
    "oauth2": ("client_id", "token_url"),
    "google-jwt": ("scope",),
    "aws-sigv4": ("client_id",),
    "basic": ("client_id",),
    "static": (),
    "hmac": (),
}
"""For each kind of authentication, the keys that it needs besides ``secret``."""
PASSWORD_IN_URL = re.compile(r"postgres(?:ql)?://(?:[^/?#@]*:[^/?#@]+@|.*[?&]password=)")


def load_home(path: Path) -> Home:
    """Return the settings in a file; raises NotFound, or Invalid with every problem."""
    if not path.exists():
        raise NotFound(
            f'Folder "{path.parent}" has no {path.name}. Another folder: --home. A backup: tocsin restore BACKUP.',
            hint=Action("home.init"),
            code="no_home",
        )
    source = load(path, code="bad_settings")
    home, problems = _decode(source)
    if problems or home is None:
        raise Invalid(
            f'Settings file "{path}" has {len(problems)} problem{"s" if len(problems) != 1 else ""}.',
            problems=problems,
            code="bad_settings",
        )
    return home


READING = ("schema", "store", "store_password", "master_key")
"""The settings that reading needs. The store must be named: the default is not read in the place of a store that a typo hides."""


def load_for_reading(path: Path) -> tuple[Home, tuple[str, ...]]:
    """Return the settings without the sections that have a problem, and the names of these sections.

    For commands that record nothing. Raises Invalid as ``load_home`` does if a setting that reading needs is not right.
    """
    try:
        return load_home(path), ()
    except Invalid as error:
        refusal = error
    source = load(path, code="bad_settings")
    left: list[str] = []
    data, problems = source.data, refusal.problems
    while problems:
        wrong = {_section(source, one.line) for one in problems}
        if not isinstance(data, dict) or "store" not in data or wrong & {"", *READING, *left}:
            raise refusal
        left.extend(sorted(wrong))
        data = {key: value for key, value in data.items() if key not in wrong}
        home, problems = _decode(msgspec.structs.replace(source, data=data))
        if home is not None and not problems:
            return home, tuple(left)
    raise refusal


def _section(source: Source, line: int) -> str:
    """Return the top-level key to which a line belongs; empty without one."""
    starts = sorted((start, key) for key, (start, _) in source.spot.keys.items() if start <= line)
    return starts[-1][1] if starts else ""


def strangers(path: Path, home: Home, people: Collection[str]) -> Iterator[Problem]:
    """Yield every position of the settings that names a person who is not one of ``people``."""
    source = load(path, code="bad_settings")
    for where, person in _named(home):
        if person not in people:
            hint = near_hint(person, people, f"tocsin person add {person}")
            yield source.problem(where, "person", f'Person "{person}" is not in the contact list.', hint=hint)


def lines_of_people(path: Path) -> str:
    """Return the lines with people in a home's file, such as ``12-31``; nothing without any."""
    source = load(path, code="bad_settings")
    if not isinstance(source.data, dict) or not source.data.get("people"):
        return ""
    begin, _ = source.position(("people",), key=True)
    text = source.text.splitlines()
    after = [line for line, _ in source.spot.keys.values() if line > begin]
    end = min(after, default=len(text) + 1) - 1
    while end > begin and (not text[end - 1].strip() or text[end - 1].lstrip().startswith("#")):
        end -= 1
    return f"{begin}-{end}"


def _decode(source: Source) -> tuple[Home | None, tuple[Problem, ...]]:
    problems: list[Problem] = []
    data: Any = source.data if isinstance(source.data, dict) else {}
    for key in data:
        if key not in _KNOWN:
            hint = near_hint(key, _KNOWN, f"Choose one of: {', '.join(_KNOWN)}.")
            problems.append(
                source.problem((key,), "key", f'The key "{key}" is unknown.', hint=hint, key=True)
            )
    if problems:
        return None, tuple(problems)
    try:
        home = convert(data, Home)
    except msgspec.ValidationError as error:
        where, message = place_of(str(error))
        return None, (source.problem(where, "home", sentence(message)),)
    problems.extend(_meaning(home, source))
    return home, tuple(problems)


def _meaning(home: Home, source: Source) -> list[Problem]:
    problems = [
        source.problem(("classes", name), "class", f'Message class "{name}" is not valid: {why}.')
        for name, why in class_problems(home.classes, BUILT_IN_CLASSES)
    ]
    problems.extend(_rooms_and_rotas(home, source))
    problems.extend(_serving(home, source))
    if PASSWORD_IN_URL.match(home.store):
        hint = "Remove the password, and write store_password: file:store.password."
        problems.append(
            source.problem(("store",), "secret", "The database URL contains a password.", hint=hint)
        )
    if home.public_url and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", home.public_url):
        problems.append(
            source.problem(
                ("public_url",),
                "public-url",
                "The value is not the address of a web page.",
                hint="Write an address such as https://ack.example.org.",
            )
        )
    ping = home.working.ping
    if ping.startswith("command:") or not re.fullmatch(
        rf"|https?://[^\s/?#@]+\S*|{_REFERENCE.pattern}", ping
    ):
        hint = "Write https://…, or a reference: env:NAME, file:PATH or keyring:SERVICE/NAME."
        problems.append(
            source.problem(("worker", "ping"), "ping", "The value is not an address to call.", hint=hint)
        )
    stamps = home.timestamps
    if (stamps.url or stamps.ca) and not (host_of(stamps.url) and stamps.ca):
        what = "The settings of the timestamp authority are not complete."
        hint = "Write url: https://…, and ca: with the PEM file of its certificates."
        problems.append(source.problem(("timestamps",), "timestamps", what, hint=hint))
    if not re.fullmatch(r"[1-9]\d{0,2}[hd]", home.law.internal_target, re.ASCII):
        where, text = ("law", "internal_target"), "The value is not a number of hours or days."
        problems.append(source.problem(where, "law-target", text, hint="Write 48h or 3d."))
    for name, key in home.law.keys.items():
        if not _PUBLIC_KEY.fullmatch(key):
            hint = "Write the 32 bytes of an Ed25519 public key in base64."
            text = "The value is not the public key of a publisher."
            problems.append(source.problem(("law", "keys", name), "law-key", text, hint=hint))
    for name, channel in home.channels.items():
        problems.extend(_channel(name, channel, source))
    problems.extend(_acting(home, source))
    return problems


def _serving(home: Home, source: Source) -> Iterator[Problem]:
    """Yield settings of the web pages with which other machines could not reach them."""
    if home.serve != ServeSettings() and not home.serve.secure:
        yield source.problem(
            ("serve",),
            "serve",
            "Other machines cannot reach the web pages with these settings.",
            hint="Write names, and certificate with key, or proxies.",
        )


def _acting(home: Home, source: Source) -> Iterator[Problem]:
    """Yield secrets and variables that automatic actions cannot use, or whose names are invalid."""
    from runner.vault.action_secrets import is_private

    named: dict[Where, str] = {("act", "secrets", name): one for name, one in home.act.secrets.items()}
    named |= {("act", "environment", n): f"env:{name}" for n, name in enumerate(home.act.environment)}
    for name, profile in home.act.auth.items():
        named["act", "auth", name, "secret"] = profile.secret
        if profile.certificate:
            named["act", "auth", name, "certificate"] = profile.certificate
        yield from _profile(("act", "auth", name), profile, source)
    for where, reference in named.items():
        if not _REFERENCE.fullmatch(reference) or reference.startswith("command:"):
            hint = "Write env:NAME, file:PATH or keyring:SERVICE/NAME."
            yield source.problem(where, "secret", "A secret must be written as a reference.", hint=hint)
        elif is_private(reference, home, base=Path(source.file).parent):
            text = "Tocsin needs this secret. An action cannot use it."
            yield source.problem(where, "secret-private", text, hint="Name a secret that only actions use.")
    for name in home.act.secrets:
        if secret_in(f"secret:{name}") is None:
            text = f'The secret name "{name}" is not valid in a playbook.'
            yield source.problem(
                ("act", "secrets", name), "secret-name", text, hint="Use letters, digits, - and _.", key=True
            )


def _profile(where: Where, profile: AuthProfile, source: Source) -> Iterator[Problem]:
    for key in NEEDED[profile.kind]:
        if not getattr(profile, key):
            text = f"A profile of kind {profile.kind} needs `{key}`."
            yield source.problem(where, "auth-incomplete", text, hint=f"Write {key}: ….")
    for key in ("url", "token_url"):
        if getattr(profile, key) and not host_of(getattr(profile, key)):
            text = "The value is not the address of a service."
            yield source.problem((*where, key), "bad-url", text, hint="Write https://HOST.")


def _rooms_and_rotas(home: Home, source: Source) -> Iterator[Problem]:
    """Yield rooms of unknown channels, and rotas without a person for their gaps."""
    for name, room in home.war_rooms.items():
        if room.channel and room.channel not in home.channels:
            hint = f"Choose one of: {', '.join(home.channels) or 'none'}."
            text = f'Channel "{room.channel}" does not exist.'
            yield source.problem(("war_rooms", name, "channel"), "channel", text, hint=hint)
        if bool(room.address) is room.open:
            hint = "Write address: for an existing room, or open: true for a new room of each incident."
            yield source.problem(
                ("war_rooms", name),
                "war-room",
                "The room needs an address or `open: true`, not both.",
                hint=hint,
            )
        elif room.open and not room.channel:
            hint = "Add channel: with a channel that can open rooms, such as matrix or slack."
            yield source.problem(
                ("war_rooms", name), "war-room", "The room has no channel that opens it.", hint=hint
            )
    for role in home.oncall:
        if not home.roles.get(role):
            hint = f"Add the role under `roles`: {role}: [PERSON]."
            text = f'Role "{role}" has no person for a gap in the rota.'
            yield source.problem(("oncall", role), "oncall", text, hint=hint)


def _channel(name: str, channel: ChannelConfig, source: Source) -> Iterator[Problem]:
    for index, rate in enumerate(channel.rates or ()):
        try:
            read_rate(rate)
        except ValueError as error:
            yield source.problem(("channels", name, "rates", index), "rate", sentence(str(error)))
    if channel.timeout:
        try:
            read_timeout(channel.timeout)
        except ValueError as error:
            yield source.problem(
                ("channels", name, "timeout"),
                "timeout",
                sentence(str(error)),
                hint="Write a time such as timeout: 10s.",
            )
    for secret, reference in channel.secrets.items():
        if not _REFERENCE.fullmatch(reference):
            where = ("channels", name, "secrets", secret)
            hint = "Write env:NAME, file:PATH or keyring:SERVICE/NAME."
            yield source.problem(where, "secret", "A secret must be written as a reference.", hint=hint)


def _named(home: Home) -> Iterator[tuple[Where, str]]:
    """Yield every position at which the home names a person."""
    for key, table in (("roles", home.roles), ("alternates", home.alternates)):
        for role, persons in table.items():
            for index, person in enumerate(persons):
                yield (key, role, index), person
    for index, one in enumerate(home.escalation):
        if one.startswith("person:"):
            yield ("escalation", index), one.removeprefix("person:")
    for name, somebody in home.people.items():
        if somebody.alternate:
            yield ("people", name, "alternate"), somebody.alternate
