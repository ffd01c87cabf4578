"""Packs of the law: signed or with a reason, checked whole, recorded, under the home's own files, and dated everywhere."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.cli.at_desk import AtDesk
from tests.law.make_pack import archive, bag, law_files

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
PUBLIC = b64encode(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
LAW, DUTY = "us-az-breach", "us-az-breach/individuals"
WHY = ("--reason", "read by counsel")
Law = dict[str, bytes]


def law(day: str = "2026-12-01", program: str = "0.1.0") -> Law:
    """Return later law in which one deadline of Arizona is another."""
    files = law_files()
    about = {"schema": "tocsin/pack/v1", "version": day, "date": day, "program": program}
    file = f"regimes/{LAW}.yaml"
    return files | {
        "law/pack.json": json.dumps(about).encode(),
        file: files[file].replace(b"amount: 45", b"amount: 46", 1),
    }


def pack(tmp_path: Path, files: Law, key: Ed25519PrivateKey | None = KEY) -> str:
    path = tmp_path / "law.zip"
    path.write_bytes(archive(bag(files, key)))
    return str(path)


@pytest.fixture
def home(tocsin: AtDesk) -> AtDesk:
    """A home that knows the publisher's key."""
    tocsin.settings(law={"keys": {"publisher": PUBLIC}})
    tocsin.clock.advance(timedelta(days=8))
    return tocsin


def shown(desk: AtDesk, *words: str) -> dict[str, Any]:
    said = desk("law", *words, "--format", "json")
    assert said.code == 0, said.err
    found: dict[str, Any] = said.json
    return found


def period(desk: AtDesk) -> int:
    """Return the days of Arizona's deadline in the law in use."""
    found = next(
        one for one in desk("regime", "show", LAW, "--format", "json").json["duties"] if one["id"] == DUTY
    )
    return 46 if "46" in json.dumps(found) else 45


def findings(desk: AtDesk) -> set[str]:
    return {one["code"] for one in desk("doctor", "--offline", "--format", "json").json["findings"]}


def test_a_signed_pack_is_compared_applied_recorded_and_undone(home: AtDesk, tmp_path: Path) -> None:
    file = pack(tmp_path, law())
    seen = shown(home, "show", file)
    assert (seen["signature"], seen["signed_by"], seen["applied"]) == ("known", "publisher", False)
    assert [one["what"] for one in seen["changes"]] == [DUTY]
    assert (period(home), (home.home / "law").exists()) == (45, False)

    done = shown(home, "update", file)
    assert (done["applied"], done["previous"], period(home)) == (True, "built-in", 46)
    now = shown(home, "show")
    assert (now["origin"], now["law"]["date"], now["applied"]["by"]) == ("pack", "2026-12-01", "maria")
    assert (now["applied"]["digest"], now["applied"]["signed_by"]) == (done["digest"], "publisher")
    assert not {code for code in findings(home) if code.startswith("law_")}
    assert home.done("law", "show")

    back = home("law", "update", "built-in")
    assert (back.error, period(home)) == ("pack_older", 46)
    again = shown(home, "update", "built-in", *WHY)
    assert (period(home), Path(again["previous"]).is_dir()) == (45, True)
    home.done("law", "update", again["previous"])
    assert (period(home), shown(home, "show")["origin"]) == (46, "pack")


@pytest.mark.parametrize(("key", "signature"), [(None, "none"), (OTHER, "unknown")])
def test_a_pack_without_a_known_signature_needs_a_reason(
    home: AtDesk, tmp_path: Path, key: Ed25519PrivateKey | None, signature: str
) -> None:
    file = pack(tmp_path, law(), key)
    assert shown(home, "show", file)["signature"] == signature
    refused = home("law", "update", file, "--reason", " ")
    assert (refused.error, period(home), list((home.home / "law").glob("*"))) == ("pack_unsigned", 45, [])
    assert "UNSIGNED" in home.done("law", "update", file, *WHY)
    assert (shown(home, "show")["applied"]["reason"], period(home)) == (WHY[1], 46)


def test_an_older_pack_needs_a_reason(home: AtDesk, tmp_path: Path) -> None:
    file = pack(tmp_path, law("2026-01-01"))
    assert home("law", "update", file).error == "pack_older"
    home.done("law", "update", file, *WHY)
    assert (period(home), "law_old" in findings(home)) == (46, True)


def test_a_pack_of_the_future_is_refused(home: AtDesk, tmp_path: Path) -> None:
    assert home("law", "update", pack(tmp_path, law("2099-01-01")), *WHY).error == "pack_future"
    assert period(home) == 45


def _tampered(files: Law) -> Law:
    return {**files, f"data/regimes/{LAW}.yaml": files[f"data/regimes/{LAW}.yaml"] + b"# more\n"}


BAD: dict[str, tuple[Callable[[Law], Law], str]] = {
    "changed": (_tampered, f"data/regimes/{LAW}.yaml"),
    "manifest": (lambda files: bag(law_files()) | {"bagit.txt": b""}, "bagit.txt"),
    "missing": (
        lambda files: {name: body for name, body in files.items() if "de.yaml" not in name},
        "data/authorities/de.yaml",
    ),
    "added": (lambda files: {**files, "data/regimes/xx-new.yaml": b""}, "xx-new.yaml"),
    "playbook": (lambda files: bag({**law(), "ransomware.yaml": b""}), "ransomware.yaml"),
    "no date": (
        lambda files: bag({name: body for name, body in law().items() if "pack.json" not in name}),
        "law/pack.json",
    ),
    "traversal": (lambda files: {**files, "../../evil.yaml": b""}, ""),
    "device": (lambda files: {**files, "data/regimes/C:evil.yaml": b""}, ""),
    "case": (lambda files: {**files, "BAGIT.txt": b""}, ""),
}


@pytest.mark.parametrize("case", BAD)
def test_a_pack_that_was_changed_or_is_unsafe_is_refused_by_the_name_of_the_file(
    nowhere: AtDesk, tmp_path: Path, case: str
) -> None:
    change, named = BAD[case]
    path = tmp_path / "law.zip"
    path.write_bytes(archive(change(bag(law(), KEY))))
    said = nowhere("law", "show", str(path))
    assert (said.error, named in said.err, "evil" in said.err) == ("bad_pack", True, False)


def test_links_and_files_that_are_no_archive_are_refused(nowhere: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "law.zip"
    with zipfile.ZipFile(path, "w") as made:
        link = zipfile.ZipInfo("law/bagit.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    assert nowhere("law", "show", str(path)).error == "bad_pack"
    path.write_bytes(b"PK")
    assert nowhere("law", "show", str(path)).error == "bad_pack"
    assert nowhere("law", "show", str(tmp_path / "none.zip")).error == "file_unreadable"


def test_a_pack_of_law_that_does_not_compile_changes_nothing(home: AtDesk, tmp_path: Path) -> None:
    name = f"regimes/{LAW}.yaml"
    wrong = {**law(), name: law()[name].replace(b"clock:", b"clok:")}
    said = home("law", "update", pack(tmp_path, wrong), *WHY)
    assert (said.code > 0, f"{LAW}.yaml" in said.err) == (True, True)
    unknown = {**law(), name: law()[name].replace(b"notice: ", b"notice: no-such-")}
    if unknown[name] != law()[name]:
        assert home("law", "update", pack(tmp_path, unknown), *WHY).error == "bad_pack"
    needed = {one: body for one, body in law().items() if one != "regimes/eu-gdpr-33-controller-sa.yaml"}
    assert home("law", "update", pack(tmp_path, needed), *WHY).code > 0
    later = home("law", "update", pack(tmp_path, law(program="99.0.0")), *WHY)
    assert (later.error, period(home), list((home.home / "law").glob("*"))) == ("pack_program", 45, [])


def test_the_homes_own_law_stays_on_top_and_is_named(home: AtDesk, tmp_path: Path) -> None:
    (home.home / "regimes").mkdir()
    (home.home / "regimes" / f"{LAW}.yaml").write_bytes(law_files()[f"regimes/{LAW}.yaml"])
    done = shown(home, "update", pack(tmp_path, law()))
    assert (done["own"], period(home)) == ([LAW], 45)
    assert shown(home, "show")["corrections"] == [f"regimes/{LAW}.yaml"]
    compared = home("regime", "diff", LAW, "--format", "json").json
    assert (compared["old"], [one["what"] for one in compared["changes"]]) == ("pack", [DUTY])


def test_open_incidents_keep_their_law_and_show_what_would_change(
    home: AtDesk, playbook: Path, tmp_path: Path
) -> None:
    facts = (
        "data.involved=true",
        "organisation.does_business_in=US-AZ",
        "people.by_jurisdiction.US-AZ=600",
        "data.elements=ssn",
        "incident.determined_at=2026-11-24T09:00:00Z",
    )
    home.done("open", str(playbook), "--yes", *(word for fact in facts for word in ("--fact", fact)))
    before = home("duties", "--format", "json").json
    done = shown(home, "update", pack(tmp_path, law()))
    (one,) = done["incidents"]
    assert (one["codename"], one["law"]) == ("amber-falcon", "2026-11-28")
    assert DUTY in {change["what"] for change in one["changes"]}
    assert home("duties", "--format", "json").json == before


def test_an_update_that_stopped_between_its_record_and_the_switch_is_reported(
    home: AtDesk, tmp_path: Path
) -> None:
    file = pack(tmp_path, law())
    home.done("law", "update", file)
    (home.home / "law" / "applied.json").unlink()
    assert period(home) == 45
    assert {"law_pack_damaged", "law_update_unfinished"} <= findings(home)
    home.done("law", "update", file)
    assert (period(home), {code for code in findings(home) if code.startswith("law_")}) == (46, set())


def _edited(folder: Path) -> None:
    file = folder / "data" / "regimes" / f"{LAW}.yaml"
    file.write_bytes(file.read_bytes().replace(b"amount: 46", b"amount: 99"))


def _with_another_manifest(folder: Path) -> None:
    _edited(folder)
    payload = folder / "data"
    files = {file.relative_to(payload).as_posix(): file for file in payload.rglob("*") if file.is_file()}
    for name, body in bag({name: file.read_bytes() for name, file in files.items()}).items():
        (folder / name).write_bytes(body)


def _without_a_law(folder: Path) -> None:
    (folder / "data" / "regimes" / "us-az-breach.yaml").unlink()


def _with_one_more(folder: Path) -> None:
    (folder / "data" / "regimes" / "xx-new.yaml").write_bytes(b"")


@pytest.mark.parametrize("change", [_edited, _with_another_manifest, _without_a_law, _with_one_more])
def test_a_changed_file_of_the_applied_pack_is_seen_at_its_use_and_repaired(
    home: AtDesk, playbook: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    file = pack(tmp_path, law())
    home.done("law", "update", file)
    home.done("open", str(playbook), "--yes")  # the cache has the law of the pack now
    (folder,) = (one for one in (home.home / "law").iterdir() if one.is_dir())
    change(folder)
    shown_ = home("regime", "show", LAW)
    opened = home("open", str(playbook), "--yes")
    assert (shown_.warnings, "law_pack_damaged" in opened.warnings) == (["law_pack_damaged"], True)
    assert (period(home), shown(home, "show")["origin"]) == (45, "built-in")
    assert home("duties", "-i", "calm-heron").code == 0
    assert "law_pack_damaged" in findings(home)
    home.done("law", "update", file)
    assert ("law_pack_damaged" in findings(home), period(home)) == (False, 46)


def test_later_law_of_the_program_comes_before_an_earlier_pack(home: AtDesk, tmp_path: Path) -> None:
    home.done("law", "update", pack(tmp_path, law("2026-06-01")), *WHY)
    state = home.home / "law" / "applied.json"
    state.write_text(state.read_text().replace("2026-11-28", "2026-05-01"), encoding="utf-8")
    assert (period(home), "law_pack_passed" in findings(home)) == (45, True)


def test_the_age_of_the_law_is_a_warning_after_180_days(home: AtDesk) -> None:
    assert "law_old" not in findings(home)
    home.clock.advance(timedelta(days=200))
    assert "law_old" in findings(home)


def test_the_date_of_the_law_is_not_before_a_check_in_its_files() -> None:
    files = law_files()
    days = (re.findall(rb"(?:checked|date|seen): *\"?(20\d\d-\d\d-\d\d)", body) for body in files.values())
    assert max(day.decode() for found in days for day in found) <= json.loads(files["law/pack.json"])["date"]


def test_a_key_that_is_no_key_is_a_problem_of_the_settings(tocsin: AtDesk) -> None:
    tocsin.settings(law={"keys": {"publisher": "abc"}})
    assert tocsin("law", "update", "built-in").error == "bad_settings"
