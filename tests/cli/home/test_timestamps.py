"""Timestamps of checkpoints by an RFC 3161 authority: asked at a fixed pace, checked, in bundles, and never in the way."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import rfc3161_client as rfc3161
from cryptography.x509 import load_pem_x509_certificates

from runner.app.bundles import papers
from runner.app.core.proof.timestamps import stamp
from runner.errors import TocsinError
from runner.files.verify import verify
from runner.proof.formats import timestamp
from runner.proof.note import parse_note
from runner.routing.organisation import TimestampSettings
from tests.cli.at_desk import AtDesk
from tests.refusals import refused
from tests.servers.timestamp_authority import Authority, authority


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("authority")) as found:
        yield found


@pytest.fixture
def tsa(running: Authority) -> Authority:
    running.answer = running.honest
    running.queries.clear()
    return running


@pytest.fixture
def desk(incident: AtDesk, tsa: Authority) -> AtDesk:
    incident.settings(timestamps={"url": tsa.url, "ca": str(tsa.ca)})
    return incident


def stamps(desk: AtDesk) -> list[str]:
    """Let a worker work, and return its warnings."""
    return desk("worker", "--once").warnings


def findings(desk: AtDesk) -> dict[str, str]:
    found = desk("doctor", "--offline", "--format", "json").json["findings"]
    return {one["code"] or one["area"]: one["what"] for one in found if one["area"] == "checkpoints"}


def exported(desk: AtDesk, name: str) -> Path:
    said = desk("audit", "export", "--out", f"{name}.zip")
    assert said.code == 0, said.err
    with zipfile.ZipFile(desk.home.parent / f"{name}.zip") as archive:
        archive.extractall(desk.home.parent / name)
    bundle = next((desk.home.parent / name).iterdir())
    assert said.warnings == ([] if (bundle / "home-checkpoint.tsr").is_file() else ["no_timestamp"])
    return bundle


def openssl_verifies(bundle: Path) -> bool:
    """Run the command that VERIFY.txt names."""
    (line,) = (one for one in (bundle / "VERIFY.txt").read_text().splitlines() if "openssl ts" in one)
    return not subprocess.run(line.split(), cwd=bundle, capture_output=True, check=False).returncode


def test_a_bundle_has_a_timestamp_that_others_verify(desk: AtDesk, tsa: Authority) -> None:
    assert findings(desk).keys() == {"timestamp_missing"}
    assert stamps(desk) == []
    assert findings(desk).keys() == {"checkpoints"}
    bundle = exported(desk, "stamped")
    found = verify(str(bundle))
    token, note = (bundle / "home-checkpoint.tsr").read_bytes(), (bundle / "home-checkpoint").read_bytes()
    digest, at, _ = timestamp(token)
    assert (found["ok"], found["layers"]["timestamp"]["state"], found["claimed_time"]) == (
        True,
        "unchecked",
        at,
    )
    assert digest == hashlib.sha256(note).digest()
    assert parse_note(note).text.count("\n") == 3
    assert openssl_verifies(bundle)
    assert (bundle / "VERIFY.txt").read_bytes() == papers.commands("checked")
    assert papers.UNCHECKED not in (bundle / "README.html").read_text()
    roots = load_pem_x509_certificates((bundle / "tsa-ca.pem").read_bytes())
    reply = rfc3161.decode_timestamp_response(token)
    assert rfc3161.VerifierBuilder(roots=roots).build().verify_message(reply, note)
    (bundle / "home-checkpoint").write_bytes(note.replace(b"\n", b"\n0", 1))
    assert not openssl_verifies(bundle)
    layers = {fault["layer"] for fault in verify(str(bundle))["faults"]}
    assert {"log", "timestamp"} <= layers


def test_the_authority_is_asked_each_hour_also_if_nothing_changed(desk: AtDesk, tsa: Authority) -> None:
    for _ in range(2):
        assert stamps(desk) == []
    assert len(tsa.queries) == 1
    newest = desk.office().store.log.newest()
    assert newest is not None
    note = newest.note.encode()
    for _ in range(2):
        desk.clock.advance(timedelta(minutes=61))
        assert stamps(desk) == []
    assert len(tsa.queries) == 3
    digest = hashlib.sha256(note).digest()
    assert [digest in query for query in tsa.queries] == [True, False, False]


def test_an_answer_from_a_clock_that_was_ahead_is_no_answer(desk: AtDesk, tsa: Authority) -> None:
    office, settings = desk.office(), TimestampSettings(url=tsa.url, ca=str(tsa.ca))
    now = desk.clock.now()
    stamp(office.store, office.checkpoints.make, settings, desk.home, now + timedelta(days=400))
    assert findings(desk).keys() == {"timestamp_missing"}
    stamp(office.store, office.checkpoints.make, settings, desk.home, now)
    assert len(tsa.queries) == 2
    assert findings(desk).keys() == {"checkpoints"}


def test_a_bad_answer_is_refused_named_and_asked_for_again(desk: AtDesk, tsa: Authority) -> None:
    def broken(query: bytes) -> bytes:
        raise OSError

    old = tsa.honest(tsa.query(b"other content"))
    newest = desk.office().store.log.newest()
    assert newest is not None
    note = newest.note.encode()
    answers = {
        "wrong imprint": lambda query: old,
        "wrong nonce": lambda query: tsa.honest(tsa.query(note)),
        "no nonce": lambda query: tsa.honest(tsa.query(note, "-no_nonce")),
        "garbage": lambda query: b"\x30\x84\xff\xff\xff\xff garbage",
        "nothing": lambda query: b"",
        "cut": lambda query: tsa.honest(query)[:-20],
        "another signature": lambda query: tsa.honest(query)[:-1] + b"\0",
        "status 500": broken,
        "not granted": lambda query: b"\x30\x05\x30\x03\x02\x01\x02",
    }
    office, answers_of = desk.office(), TimestampSettings(url=tsa.url, ca=str(tsa.ca))
    closed = TimestampSettings(url="http://127.0.0.1:9/", ca=str(tsa.ca))
    without = TimestampSettings(url=tsa.url, ca="gone.pem")
    for name, answer in {**answers, "closed": tsa.honest, "no certificate": tsa.honest}.items():
        tsa.answer = answer
        settings = {"closed": closed, "no certificate": without}.get(name, answers_of)
        with refused("timestamp_failed", TocsinError):
            stamp(office.store, office.checkpoints.make, settings, desk.home, desk.clock.now())
        newest = office.store.log.newest()
        assert newest is not None
        assert newest.token is None, name
    tsa.answer = broken
    assert stamps(desk) == ["timestamp_failed"]
    bundle = exported(desk, "unstamped")
    assert verify(str(bundle))["layers"]["timestamp"]["state"] == "absent"
    assert "openssl ts" not in (bundle / "VERIFY.txt").read_text()
    tsa.answer = tsa.honest
    assert stamps(desk) == []
    desk.clock.advance(timedelta(hours=3))
    assert findings(desk).keys() == {"timestamp_missing"}


def test_a_token_in_an_order_that_the_library_refuses_is_kept_and_named(desk: AtDesk, tsa: Authority) -> None:
    tsa.answer = tsa.unordered
    assert stamps(desk) == []
    assert findings(desk).keys() == {"timestamp_unverified"}
    bundle = exported(desk, "unordered")
    assert verify(str(bundle))["ok"]
    assert openssl_verifies(bundle)
    assert (bundle / "VERIFY.txt").read_bytes() == papers.commands("unchecked")
    assert papers.UNCHECKED in (bundle / "README.html").read_text()
    tsa.answer = tsa.honest
    desk.clock.advance(timedelta(minutes=61))
    assert (stamps(desk), len(tsa.queries)) == ([], 2)
    assert findings(desk).keys() == {"timestamp_unverified"}, "a good answer checks no older token"


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_a_token_that_cannot_be_checked_is_refused_without_tls(incident: AtDesk, tmp_path: Path) -> None:
    with authority(tmp_path, "127.0.0.2") as beyond:
        incident.settings(timestamps={"url": beyond.url, "ca": str(beyond.ca)})
        beyond.answer = beyond.unordered
        assert stamps(incident) == ["timestamp_failed"]
        beyond.answer = beyond.honest
        incident.clock.advance(timedelta(minutes=11))
        assert stamps(incident) == []


@pytest.mark.parametrize(
    "settings", [{"url": "https://tsa.example.org"}, {"ca": "a.pem"}, {"url": "no", "ca": "a"}]
)
def test_incomplete_settings_are_refused(incident: AtDesk, settings: dict[str, str]) -> None:
    incident.settings(timestamps=settings)
    assert incident("status").code != 0
