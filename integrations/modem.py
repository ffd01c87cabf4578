"""Text messages by an own modem and SIM card, through the folders of ``gammu-smsd`` (its *files* backend).

It needs no internet and no provider except the mobile operator. A file in ``outbox`` is a text that the modem must send.
Files have names made of the key, so the repetition of an attempt is the same text. ``gammu-smsd`` moves a file to ``sent``
after the operator accepted it, and writes the operator's reference into it; a delivery report has the same
reference. Received texts and reports are files in ``inbox``, in its format ``detail``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from integrations import alphabet
from integrations.port import (
    Accepted,
    Answer,
    Capabilities,
    Finding,
    NotSent,
    Outbound,
    Outcome,
    Receipt,
    Rejected,
    Secrets,
    Timeouts,
    Took,
    Unknown,
    fitted,
    narrow_body,
    phone_problem,
    self_test_to,
)

LONGEST_TEXT = 450
"""Characters of ten parts in the wide alphabet, without the usual marking and footer; a longer text is cut."""
STUCK = timedelta(minutes=5)
"""If a text waits longer, and none is sent meanwhile, the daemon or the mobile network is down."""
WRITTEN = timedelta(seconds=2)
"""A younger file in ``inbox`` may be incomplete: the daemon does not write it in one step."""
REPORTED = timedelta(days=7)
"""How long a sent text waits for its delivery report; then its file with the number is removed."""
EXPIRED = "expired"
"""Code of a text whose deadline passed before the modem sent it."""
SUFFIX = ".smsbackup"
FOLDERS = ("outbox", "sent", "error", "inbox")
_Kind = Literal["relayed", "delivered", "failed"]
_OURS = re.compile(r"OUT([A-Z2-7]{32})-(\d\d)\b")
_UNTIL = "; until "
_LINE = 200
"""Characters of a line of text that the daemon reads."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The daemon's folders, and the operator."""

    operator: str
    """The mobile operator of the SIM card: the only failure domain."""
    folder: Path = Path("/var/spool/gammu")
    """The folder that contains ``outbox``, ``sent``, ``error`` and ``inbox``."""
    own_number: str = ""
    """An own telephone number for test messages."""


def capabilities(settings: Settings) -> Capabilities:
    """Readable for the operator and bound to a number: public, no personal data, a reply is not authority."""
    return Capabilities(
        address_kind="phone",
        domains=frozenset({settings.operator}),
        confidentiality="public",
        personal_data="none",
        receipts=frozenset({"accepted", "relayed", "delivered"}),
        ack="reply",
        ack_strength="seen",
        sim_swappable=True,
        answers_stop=True,
        idempotency="key",
        key_lifetime=timedelta(days=1),  # as long as nobody removes the files in ``sent``
        max_length=LONGEST_TEXT,
        rates=("10/min burst 20",),  # a modem needs some seconds for each part
    )


address_problem = phone_problem


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Put every part of one text into the outbox, as a whole file each; a part that is there already stays."""
    if problem := phone_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    contents = _contents(outbound)
    if contents is None:
        return Rejected("length", f"the message needs more than {alphabet.MOST_PARTS} parts")
    names = [f"OUT{outbound.idempotency_key}-{n:02}" for n in range(1, len(contents) + 1)]
    begun = False
    try:
        _require(settings.folder)
        places = [_place(settings.folder, name) for name in names]
        if "error" in places:
            what = "gammu-smsd could not read the text, or refused it: see its log"
            return Rejected("error", what, about="account")
        begun = any(places)
        if not begun and _stuck(settings.folder, outbound.at):
            return NotSent("texts wait in the outbox: gammu-smsd or the mobile network is down")
        for name, content, place in zip(names, contents, places, strict=True):
            if not place:
                made = _written(settings.folder / "outbox", name, content)
                begun = True
                made.rename(made.with_name(f"{name}{SUFFIX}"))
        _settle(settings.folder / "outbox")
    except OSError:
        if begun:
            return Unknown("the outbox of gammu-smsd could not be written to its end", "answer")
        return NotSent("the folders of gammu-smsd cannot be read or written")
    # Ten short names of parts are one message's name.
    return Accepted(" ".join(f"{name[3:19]}-{name[-2:]}" for name in names))


def _require(folder: Path) -> None:
    """Raise OSError if a folder is missing or closed: otherwise it would only look empty."""
    for name in FOLDERS:
        os.scandir(folder / name).close()


def _place(folder: Path, name: str) -> str:
    """Return the folder of a part, or the empty string. A file only moves from the first folder to the others."""
    found = (place for place in FOLDERS[:3] if next((folder / place).glob(f"{name}.*"), None))
    return next(found, "")


def _late(folder: Path, at: datetime) -> list[Path]:
    """Return the texts that have waited for long."""
    return [path for path in sorted((folder / "outbox").glob(f"OUT*{SUFFIX}")) if _age(path, at) > STUCK]


def _stuck(folder: Path, at: datetime) -> list[Path]:
    """Return the texts that wait although nothing is sent: each sent text changes the folder ``sent``."""
    return _late(folder, at) if _age(folder / "sent", at) > STUCK else []


def _age(path: Path, at: datetime) -> timedelta:
    try:
        return timedelta(seconds=at.timestamp() - path.stat().st_mtime)
    except FileNotFoundError:  # sent in between
        return timedelta()


def _contents(outbound: Outbound) -> list[str] | None:
    """Return the file of every part; None for a message that is too long."""
    # The same for every attempt of the same send: telephones join parts of a first and a second attempt.
    reference = int.from_bytes(hashlib.sha256(outbound.idempotency_key.encode()).digest()[:2])

    def coded(one: Outbound) -> alphabet.Coded:
        return alphabet.code(narrow_body(one), reference)

    shown = fitted(outbound, LONGEST_TEXT, lambda one: len(coded(one).parts) <= alphabet.MOST_PARTS)
    if shown is None:
        return None
    until = f"{_UNTIL}{outbound.deadline.timestamp():.0f}\n" if outbound.deadline else ""
    whole = coded(shown)
    return [until + _section(part, whole, outbound.recipient) for part in whole.parts]


def _section(part: bytes, whole: alphabet.Coded, number: str) -> str:
    """Return one part in Gammu's format for SMS backups; ``Status_Report`` requests a delivery report."""
    text = alphabet.read(part, whole.coding, headed=whole.joined).encode("utf-16-be").hex().upper()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    fields = {
        "PDU": "Status_Report",
        "State": "UnSent",
        "Number": f'"{number}"',
        **({"UDH": part[: part[0] + 1].hex().upper()} if whole.joined else {}),
        **{f"Text{n:02}": line for n, line in enumerate(lines)},
        "Coding": f"{'Default' if whole.coding == alphabet.NARROW else 'Unicode'}_No_Compression",
        "Class": "-1",
        "MessageReference": "0",
    }
    return "[SMSBackup000]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items())


def _written(outbox: Path, name: str, content: str) -> Path:
    """Write a file that the daemon does not see yet, and that its group may change, as the daemon does."""
    path = outbox / f".{name}.new"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o660)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(descriptor, 0o660)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    return path


def _settle(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def recall(outbound: Outbound, provider_id: str, settings: Settings, secrets: Secrets) -> Outcome:
    """Take a waiting text out of the outbox, so that it is not sent hours later; a sent text rings no more."""
    try:
        _require(settings.folder)
        for path in (settings.folder / "outbox").glob(f"OUT{outbound.idempotency_key}-*"):
            path.unlink(missing_ok=True)
    except OSError:
        return NotSent("the folders of gammu-smsd cannot be read or written")
    return Accepted(provider_id)


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Report sent and failed texts, then read the delivery reports and the replies."""
    try:
        _require(settings.folder)
        kept = [
            *_moved(settings.folder / "sent", "relayed", took, at),
            *_moved(settings.folder / "error", "failed", took, at),
            *_expired(settings.folder, took, at),
            *_received(settings.folder, took, at),
        ]
        _forget(settings.folder, at)
        stuck = len(_stuck(settings.folder, at))
    except OSError:
        return "the folders of gammu-smsd cannot be read or written"
    if stuck:
        return f"{stuck} texts wait in the outbox: gammu-smsd or the mobile network is down"
    return "" if all(kept) else "a received item could not be read or stored: set inboxformat = detail"


def _moved(folder: Path, kind: _Kind, took: Took, at: datetime) -> Iterator[bool]:
    """Report the texts that the daemon moved here, and keep only number, reference and header of each part."""
    for path in sorted(folder.glob(f"OUT*{SUFFIX}")):
        if not (ours := _OURS.match(path.name)):
            continue
        first = next(iter(_sections(path)), {})
        found = _receipt(ours, kind, at, about="account" if kind == "failed" else "recipient")
        settled = kind == "failed" or _is_last(path, ours, first, ".relayed", ".delivered")
        if kept := not settled or took(found):
            lines = (f"{name} = {first.get(name, '')}\n" for name in ("Number", "MessageReference", "UDH"))
            path.write_text(f"[SMSBackup000]\n{''.join(lines)}", encoding="utf-8")
            path.rename(path.with_suffix(f".{kind}"))
        yield kept


def _forget(folder: Path, at: datetime) -> None:
    """Remove reported texts of which no more reports are expected: they have the number of a person.

    Not while a text waits: a change of ``sent`` looks like a text that was sent just now.
    """
    if next((folder / "outbox").glob(f"OUT*{SUFFIX}"), None):
        return
    for path in [*(folder / "sent").iterdir(), *(folder / "error").iterdir()]:
        if _OURS.match(path.name) and path.suffix != SUFFIX and _age(path, at) > REPORTED:
            path.unlink(missing_ok=True)


def _is_last(path: Path, ours: re.Match[str], section: dict[str, str], *suffixes: str) -> bool:
    """Tell whether every other part of a text has one of these suffixes; the header of a part ends with count and number."""
    others = {
        one
        for suffix in suffixes
        for one in path.parent.glob(f"OUT{ours[1]}-*{suffix}")
        if one.stem != path.stem
    }
    return len(others) + 1 >= int(section.get("UDH", "")[-4:-2] or "1", 16)


def _expired(folder: Path, took: Took, at: datetime) -> Iterator[bool]:
    """Take texts out of the outbox after their deadline: an old alert must not arrive with the network."""
    for path in _late(folder, at):
        with contextlib.suppress(FileNotFoundError):
            first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
            until = first.removeprefix(_UNTIL)
            ours = _OURS.match(path.name)
            if ours and until != first and until.isdigit() and int(until) < at.timestamp():
                if kept := took(_receipt(ours, "failed", at, code=EXPIRED, about="message")):
                    path.unlink()
                yield kept


def _receipt(ours: re.Match[str], kind: _Kind, at: datetime, **more: Any) -> Receipt:
    """Return a receipt about a whole text: with a part missing, nobody can read it."""
    return Receipt(kind=kind, event_id=f"{ours[1]}:{kind}", idempotency_key=ours[1], at=at, **more)


def _received(folder: Path, took: Took, at: datetime) -> Iterator[bool]:
    """Pass on each received file, then remove it: the daemon keeps it until then."""
    for path in sorted((folder / "inbox").glob("IN*")):
        if _age(path, at) < WRITTEN:
            continue
        sections = list(_sections(path))
        if not sections:  # another format has no reference and no number
            yield False
            continue
        reports = [one for one in sections if one.get("PDU") == "Status_Report"]
        kept = all(_reported(one, folder / "sent", took, at) for one in reports)
        texts = [one for one in sections if one not in reports]
        answer = _answer(path, texts, at) if texts else None
        kept = (answer is None or took(answer)) and kept
        if kept:
            path.unlink()
        yield kept


def _reported(report: dict[str, str], sent: Path, took: Took, at: datetime) -> bool:
    """Take a delivery report: it belongs to the newest text to its number with its reference, from 0 to 255."""
    kind: dict[str, _Kind] = {"Delivered": "delivered", "Failed": "failed"}
    status = kind.get(_text(report))
    if status is None:
        return True
    waiting = [*sent.glob("OUT*.relayed"), *sent.glob(f"OUT*{SUFFIX}")]
    for path in sorted(waiting, key=lambda path: path.stat().st_mtime, reverse=True):
        ours, first = _OURS.match(path.name), next(iter(_sections(path)), {})
        if not ours or first.get("MessageReference") != report.get("MessageReference"):
            continue
        if _same_number(first.get("Number", ""), report.get("Number", "")):
            if path.suffix == SUFFIX:  # it is reported as sent first
                return False
            settled = status == "failed" or _is_last(path, ours, first, ".delivered")
            if kept := not settled or took(_receipt(ours, status, at)):
                path.rename(path.with_suffix(f".{status}"))
            return kept
    return True


def _same_number(one: str, other: str) -> bool:
    """Tell whether two numbers are the same; networks leave out the country code in some reports."""
    short, long = sorted((one.lstrip("+0"), other.lstrip("+0")), key=len)
    return len(short) >= 7 and long.endswith(short)


def _answer(path: Path, texts: list[dict[str, str]], at: datetime) -> Answer | None:
    """Read a person's text, of one or more parts in their order."""
    digits = texts[0].get("Number", "").removeprefix("+")
    if not digits.isascii() or not digits.isalnum():
        return None
    mark = f"{path.name} {[one.get('Text00') for one in texts]}".encode()
    return Answer(
        event_id=hashlib.sha256(mark).hexdigest()[:32],
        sender=f"+{digits}" if digits.isdigit() and len(digits) > 6 else digits,
        text="".join(map(_text, texts)),
        at=at,
    )


def _text(section: dict[str, str]) -> str:
    """Return the text of one part; data that is no text is left out."""
    lines = sorted(name for name in section if re.fullmatch(r"Text\d\d", name))
    if section.get("Coding", "").startswith("8bit"):
        return ""
    try:
        return bytes.fromhex("".join(section[name] for name in lines)).decode("utf-16-be", "replace")
    except ValueError:
        return ""


def _sections(path: Path) -> Iterator[dict[str, str]]:
    """Yield the values of every part in a file; of a repeated name the first, as ``gammu-smsd`` 1.42 repeats lines.

    Comments contain the received text, with ``;`` after each line feed: any other line break is a part of the text.
    """
    content = path.read_bytes().decode("utf-8", "replace")
    for section in re.split(r"^\[SMSBackup[^\n]*\n", content, flags=re.MULTILINE)[1:]:
        found: dict[str, str] = {}
        for line in section.split("\n"):
            name, equals, value = line.partition(" = ")
            if equals and not line.startswith(";"):
                found.setdefault(name, value.strip().strip('"'))
        yield found


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find folders that are missing or closed to Tocsin."""
    found = []
    if not settings.operator.strip():
        found.append(Finding("error", "operator is empty", "operator: carrier-x"))
    if not settings.folder.is_dir():
        found.append(
            Finding(
                "error", "the folder of gammu-smsd does not exist", "Correct folder, or install gammu-smsd."
            )
        )
    for name in FOLDERS if settings.folder.is_dir() else ():
        if not os.access(settings.folder / name, os.R_OK | os.W_OK | os.X_OK):
            what = f"the folder {name} of gammu-smsd does not exist, or Tocsin cannot write it"
            found.append(Finding("error", what, "Add the user of Tocsin to the group gammu."))
    if settings.own_number and (problem := phone_problem(settings.own_number)):
        found.append(Finding("error", f"own_number: {problem}", "+15005550006"))
    return tuple(found)


def lint_at(at: datetime, settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find texts that wait although none is sent."""
    waiting = _stuck(settings.folder, at) if (settings.folder / "sent").is_dir() else []
    if not waiting:
        return ()
    minutes = max(_age(path, at) for path in waiting) // timedelta(minutes=1)
    what = f"texts that wait in the outbox: {len(waiting)}, the oldest for {minutes} min. gammu-smsd or the mobile network is down"
    return (Finding("error", what, "systemctl status gammu-smsd"),)


def unsent(outbound: Outbound, settings: Settings) -> str:
    """Return why the daemon has not sent an accepted text, or the empty string."""
    parts = list(settings.folder.glob(f"*/OUT{outbound.idempotency_key}-*"))
    if any(path.parent.name == "error" for path in parts):
        return "gammu-smsd could not send the text: see its log"
    sent = parts and all(path.parent.name == "sent" for path in parts)
    return "" if sent else "the text waits in the outbox of gammu-smsd: it was not sent yet"


self_test = self_test_to(send, "own_number", "own_number")
