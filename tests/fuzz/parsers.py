"""Every reader of bytes from outside, with a sample of what it reads: the one list of the fuzzer and of its test."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from integrations import modem, whatsapp
from integrations.port import Callback, Timeouts
from integrations.smpp import pdu
from integrations.smtp import mailbox, reports
from runner.app.campaigns.control import read_stop_list
from runner.app.campaigns.receipts import read_receipts
from runner.base.instants import parse_duration, spoken_instant
from runner.documents.pictures import read_logo
from runner.documents.word.docx_reader import read_docx
from runner.errors import TocsinError
from runner.facts.expressions.parser import parse as parse_expression
from runner.facts.fact_files import read_facts
from runner.facts.veris.veris_record import import_veris, parse_veris
from runner.files.alert_mapping import load_mapping, read_alerts
from runner.files.contacts.csv_contacts import read_csv
from runner.files.contacts.vcard_contacts import read_vcards
from runner.files.people_lists.list_rows import open_people
from runner.files.rota_file import read_rota
from runner.files.verify import verify
from runner.law.files.regime_file import read_regime
from runner.playbook.reading import read_playbook
from runner.proof.formats import timestamp
from runner.proof.note import NoteKey, parse_checkpoint, verify_note
from runner.vault.secrets import Secret
from runner.yamlfile.source import scan

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
MEMORY = Path("/dev/shm")


class Parser(NamedTuple):
    """One reader: what it does with bytes, a sample, and the errors that it promises beside a TocsinError."""

    read: Callable[[bytes], object]
    sample: bytes
    errors: tuple[type[Exception], ...] = ()

    def run(self, data: bytes) -> None:
        """Read bytes; an error that a person would not understand goes up."""
        allowed: tuple[type[Exception], ...] = (TocsinError, *self.errors)
        with suppress(*allowed):
            self.read(data)


def _filed(read: Callable[[Path], Any], name: str) -> Callable[[bytes], object]:
    """Let a reader of files read bytes; what it yields is read to the end."""

    def run(data: bytes) -> None:
        folder = MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())
        path = folder / f"fuzz-{os.getpid()}-{name}"
        path.write_bytes(data)
        try:
            found = read(path)
            list(found) if hasattr(found, "__next__") else None
        finally:
            path.unlink()

    return run


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def _note(data: bytes) -> None:
    found, _ = verify_note(data, [NoteKey(name="tocsin/0011223344556677", public=b"\x01" * 32)])
    parse_checkpoint(found.text)


def _whatsapp(data: bytes) -> None:
    signed = {"x-hub-signature-256": "sha256=" + hmac.new(b"k", data, hashlib.sha256).hexdigest()}
    whatsapp.parse_callback(
        Callback(method="POST", path="/", headers=signed, body=data, at=AT),
        SimpleNamespace(phone_number_id="1"),
        {"app_secret": Secret("k")},
    )


def _modem(data: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        for folder in modem.FOLDERS:
            (Path(name) / folder).mkdir()
        path = Path(name) / "inbox/IN1.txt"
        path.write_bytes(data)
        os.utime(path, (AT.timestamp() - 60,) * 2)
        modem.collect(
            lambda _: True, AT, Timeouts(), modem.Settings(operator="carrier-x", folder=Path(name)), {}
        )


_ROOT = base64.b64encode(b"\x02" * 32).decode()
_SIGNED = base64.b64encode(b"\x03" * 68).decode()
_DSN = (
    b"From: <>\r\nTo: bounces+abcdefghijklmnopqrstuvwxyz234567@example.org\r\nContent-Type: multipart/report;"
    b' report-type=delivery-status; boundary="b"\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n'
    b"Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; a@example.org\r\nAction: failed\r\n"
    b"Status: 5.1.1\r\n\r\n--b--\r\n"
)
_ICAL = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261124T090000Z\r\n"
    b"DTSTART:20261124T090000Z\r\nDTEND:20261125T090000Z\r\nSUMMARY:ana\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
_STATUS = (
    b'{"entry": [{"changes": [{"value": {"metadata": {"phone_number_id": "1"}, "statuses": [{"id": "wamid.x", '
    b'"status": "delivered", "timestamp": "1"}], "messages": [{"from": "1", "id": "wamid.y", "type": "text"}]}}]}]}'
)


def _timestamp() -> bytes:
    """Return the reply of a timestamp authority (RFC 3161), without certificates and signatures."""

    def der(tag: int, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return bytes((tag, 0x81, len(body))) + body

    one, version, sha256 = der(2, b"\1"), der(2, b"\3"), der(6, bytes.fromhex("608648016503040201"))
    imprint = der(0x30, der(0x30, sha256), der(4, bytes(32)))
    claims = der(0x30, one, der(6, b"*"), imprint, one, der(0x18, b"20261124090000Z"), one)
    content = der(0x30, der(6, bytes.fromhex("2a864886f70d0109100104")), der(0xA0, der(4, claims)))
    signed = der(0xA0, der(0x30, version, der(0x31), content))
    token = der(0x30, der(6, bytes.fromhex("2a864886f70d010702")), signed)
    return der(0x30, der(0x30, der(2, b"\0")), token)


def parsers() -> dict[str, Parser]:
    """Return all readers by name; the samples that need the program are made here."""
    from tests.documents.word.letterheads import letterhead

    alerts = load_mapping("alertmanager", Path("/nonexistent"))
    return {
        "alert": Parser(
            lambda data: read_alerts(alerts, data),
            b'{"alerts": [{"status": "firing", "labels": {"alertname": "x"}, "fingerprint": "1"}]}',
        ),
        "bounce": Parser(lambda data: reports.read(data, AT, "bounces@example.org"), _DSN),
        "bundle": Parser(_filed(lambda path: verify(str(path)), "bundle.zip"), b"PK\x03\x04"),
        "callback": Parser(_whatsapp, _STATUS),
        "checkpoint": Parser(
            _note,
            f"tocsin/0011223344556677\n1\n{_ROOT}\n\n— tocsin/0011223344556677 {_SIGNED}\n".encode(),
        ),
        "contacts": Parser(
            _filed(lambda path: read_csv(path, ("email",)), "list.csv"), b"person,email\nana,a@example.org\n"
        ),
        "docx": Parser(read_docx, letterhead()),
        "expression": Parser(
            _text(lambda text: parse_expression(text)), b"known('data.categories') and 1 < 2"
        ),
        "facts": Parser(
            lambda data: read_facts(scan(data, "facts.yaml", data=True)),
            b"schema: tocsin/facts/v1\nincident:\n  vector: phishing\n",
        ),
        "logo": Parser(lambda data: read_logo(data, hashlib.sha256(data).hexdigest()), b"\x89PNG\r\n\x1a\n"),
        "mail": Parser(
            lambda data: mailbox.read_reply(data, AT), b"From: a@example.org\r\nSubject: x\r\n\r\nseen\r\n"
        ),
        "modem": Parser(
            _modem,
            b'[SMSBackup000]\n; OK\nPDU = Deliver\nNumber = "+15005550010"\r\nText00 = 004F004B\r\n'
            b"Coding = Unicode_No_Compression\nMessageReference = 0\n\n",
        ),
        "people": Parser(
            _filed(lambda path: open_people(path).rows(), "people.csv"),
            b"id,name,email\n1,Ana,a@example.org\n",
        ),
        "playbook": Parser(
            lambda data: read_playbook(scan(data, "p.yaml")),
            b"schema: tocsin/playbook/v1\nid: a\ntitle: A\nphases:\n- id: b\n  title: B\n  steps: []\n",
        ),
        "receipts": Parser(_filed(read_receipts, "receipts.csv"), b"kind,address\nreturned,a@example.org\n"),
        "regime": Parser(lambda data: read_regime(data, "law.yaml"), b"schema: tocsin/regime/v1\nid: eu-x\n"),
        "rota": Parser(lambda data: read_rota(data, "rota.ics", {}), _ICAL),
        "sms": Parser(
            pdu.read_delivery, b"\0\1\1" + b"123\0\1\1" + b"456\0" + bytes(9) + b"\2ok", (ValueError,)
        ),
        "stop-list": Parser(_filed(read_stop_list, "stop.txt"), b"a@example.org\n+15005550006\n"),
        "time": Parser(
            _text(lambda text: parse_duration(text) and spoken_instant(f"{text} ago", AT)),
            b"2h",
            (ValueError,),
        ),
        "timestamp": Parser(timestamp, _timestamp(), (ValueError,)),
        "vcard": Parser(
            _filed(read_vcards, "list.vcf"),
            b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:ana\r\nFN:Ana\r\nEND:VCARD\r\n",
        ),
        "veris": Parser(
            lambda data: import_veris(parse_veris(data, "v.json")),
            b'{"schema_version": "1.3.7", "action": {"social": {"variety": ["Phishing"]}}}',
        ),
    }
