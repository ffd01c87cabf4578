"""Every change of a bundle is found, by ``tocsin verify`` and by the ``verify.py`` in it; hostile bundles are refused."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import bagit
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

from runner.app.core.proof.signing_keys import signing_key
from runner.files.bundle_files import MOST_FILES, Wrong, open_zip
from runner.files.verify import UNSIGNED, verify
from runner.proof import formats
from tests.cli.at_desk import AtDesk
from tests.cli.bundles.bundled import Bundled
from tests.servers.needed import absent

SAMPLE = 150
"""Flipped bytes in one run of the suite; ``make nightly`` flips all."""


@pytest.fixture
def key(made: Bundled) -> str:
    return str(made.check(made.folder / "insurer.zip")["key"])


@pytest.fixture
def folder(made: Bundled, tmp_path: Path) -> Path:
    """A copy of the unpacked bundle."""
    source = next((made.folder / "insurer.zip.d").iterdir())
    return Path(shutil.copytree(source, tmp_path / "bundle"))


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def by_itself(
    bundle: Path, *words: str, python: str = sys.executable, script: Path | None = None
) -> tuple[int, str]:
    """Run the verifier of the bundle alone: no package of ours or of others is visible to it."""
    script = script or bundle / "verify.py"
    said = subprocess.run(
        [python, "-I", "-S", str(script), str(bundle), *words], capture_output=True, text=True, check=False
    )
    assert not said.stderr, said.stderr
    return said.returncode, said.stdout


def test_the_verifier_in_the_bundle_needs_nothing_else(made: Bundled, folder: Path, key: str) -> None:
    assert by_itself(folder, "--key", key)[0] == 0
    assert by_itself(folder)[0] == 4
    assert by_itself(made.folder / "insurer.zip", "--key", key, script=folder / "verify.py")[0] == 0


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_the_verifier_runs_on_old_and_new_python(folder: Path, key: str, version: str) -> None:
    kept = Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")
    python = next(kept, None) or shutil.which(f"python{version}")
    if python is None:
        absent(f"python{version}", "install it, or put it on PATH")
    assert by_itself(folder, "--key", key, python=str(python))[0] == 0


def test_the_head_is_in_the_log_of_the_organisation_which_names_no_other_incident(made: Bundled) -> None:
    name = made.another()
    made.desk.closed(name, "--reason", "a false alarm")
    made.export("logged.zip", "--for", "board")
    found = made.check(made.folder / "logged.zip")
    assert found["layers"]["log"]["state"] == "ok"
    given = found["log"][: found["log"].index(":") + 33]
    assert made.desk("audit", "verify", "--checkpoint", given).code == 0
    folder = made.unpacked("logged.zip")
    other = made.desk.office().find(name)
    for file in (HOME_LOG, "home-checkpoint"):
        assert other not in (folder / file).read_text()
    assert made.check(made.folder / "board.zip")["log"] == found["log"], "later heads change nothing"


def test_an_older_bundle_does_not_have_a_newer_head(made: Bundled, folder: Path, key: str) -> None:
    bundle, head = made.folder / "insurer.zip", str(made.check(made.folder / "insurer.zip")["head"])
    number, digest = int(head.partition(":")[0]), head.rpartition(":")[2]
    earlier = (folder / LEAVES).read_text().splitlines()[number - 3]
    for given, code in (
        (head, 0),
        (f"{number}:{digest}", 0),
        (f"{number - 2}:sha256:{earlier}", 0),
        (f"{number + 1}:sha256:{digest}", 1),
        (f"{number - 2}:sha256:{digest}", 1),
    ):
        found = made.check(bundle, "--key", key, "--head", given)
        assert (found["code"], found["layers"]["head"]["state"]) == (code, "broken" if code else "ok"), given
        assert by_itself(folder, "--head", given, "--key", key)[0] == code
        alone = made.check(
            bundle, "--head", given
        )  # of withheld entries, a head says nothing without the key
        assert (alone["code"], alone["head_compared"]) == (code or 4, True)
    assert made.check(bundle, "--key", key)["layers"]["head"]["state"] == "absent"
    said = made.desk("verify", str(bundle), "--head", f"{number}:sha256:{digest[:32]}")
    assert (said.code, said.error) == (2, "bad_anchor")


def test_the_verifier_in_the_bundle_explains_its_options(folder: Path) -> None:
    code, told = by_itself(folder, "--help")
    assert (code, "--head" in told, "--key" in told) == (0, True, True)


def test_another_key_is_not_accepted(made: Bundled, folder: Path) -> None:
    other = "sha256:" + "0" * 64
    found = made.check(made.folder / "insurer.zip", "--key", other)
    assert (found["code"], found["layers"]["signature"]["state"]) == (1, "broken")
    assert by_itself(folder, "--key", other)[0] == 1


def test_a_fingerprint_is_accepted_as_people_copy_it(made: Bundled, key: str) -> None:
    for written in (key, key.removeprefix("sha256:"), f" {key.upper()} "):
        assert made.check(made.folder / "insurer.zip", "--key", written)["code"] == 0


def test_without_a_key_the_signer_is_not_confirmed(made: Bundled) -> None:
    found = made.check(made.folder / "insurer.zip")
    assert (found["code"], found["layers"]["signature"]["state"]) == (4, "unchecked")


def test_a_bundle_that_is_not_there_is_an_error_of_its_own(made: Bundled) -> None:
    assert made.desk("verify", str(made.folder / "gone.zip")).error == "file_missing"


def test_an_incomplete_fingerprint_is_not_a_changed_bundle(nowhere: AtDesk, tmp_path: Path) -> None:
    (tmp_path / "court.zip").write_bytes(b"")
    said = nowhere("verify", str(tmp_path / "court.zip"), "--key", "00c9")
    assert (said.code, said.error) == (2, "bad_fingerprint")


def test_no_instruction_in_a_bundle_gives_its_own_fingerprint_as_the_expected_one(
    folder: Path, key: str
) -> None:
    """A forger would write the fingerprint of the forger's key."""
    digits = key.removeprefix("sha256:")
    assert digits not in (folder / "VERIFY.txt").read_text()
    assert f"--key {key}" not in (folder / "README.html").read_text()


def test_the_command_for_the_fingerprint_computes_it_from_the_key(folder: Path, key: str) -> None:
    (run,) = (line for line in (folder / "VERIFY.txt").read_text().splitlines() if "openssl pkey " in line)
    said = subprocess.run(["sh", "-ec", run], cwd=folder, capture_output=True, text=True, check=True)
    assert said.stdout.split()[0] == key.removeprefix("sha256:")


def test_the_published_digest_is_that_of_the_verifier_in_a_bundle(folder: Path) -> None:
    """If this fails, ``verify.py`` changed: publish its new digest in the how-to."""
    page = (Path(__file__).parents[3] / "docs/how-to/hand-over-evidence.md").read_text()
    assert hashlib.sha256((folder / "verify.py").read_bytes()).hexdigest() in page


def test_the_result_says_that_the_caller_gave_the_key(folder: Path, key: str) -> None:
    (confirmed,) = (line for line in by_itself(folder, "--key", key)[1].splitlines() if key in line)
    (open_,) = (line for line in by_itself(folder)[1].splitlines() if key in line)
    assert confirmed != open_


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def is_found(path: Path, *, whole: bool) -> bool:
    """Whether the change is found: by everything, or by the look at the ZIP file, which comes first and is quick."""
    if whole:
        return not verify(str(path))["ok"]
    try:
        return bool(open_zip(str(path)).faults)
    except Wrong:
        return True


def missed(bundle: Path, places: Iterable[int], work: Path, *, whole: bool) -> list[int]:
    """Return the places where a flipped bit is not found."""
    content = bundle.read_bytes()
    work.write_bytes(content)
    found = []
    with work.open("r+b", buffering=0) as file:
        for place in places:
            file.seek(place)
            file.write(flipped(content, place)[place : place + 1])
            if not is_found(work, whole=whole):
                found.append(place)
            file.seek(place)
            file.write(content[place : place + 1])
    assert verify(str(work))["ok"]
    return found


def test_a_flipped_bit_anywhere_in_the_file_is_found(made: Bundled, tmp_path: Path) -> None:
    bundle = made.folder / "public.zip"
    places = random.Random(14).sample(range(bundle.stat().st_size), SAMPLE)
    assert missed(bundle, places, tmp_path / "flipped.zip", whole=True) == []


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_flipped_bit_in_each_byte_of_the_file_is_found(made: Bundled, tmp_path: Path) -> None:
    bundle = made.folder / "public.zip"
    places = range(bundle.stat().st_size)
    assert missed(bundle, places, tmp_path / "flipped.zip", whole=False) == []


def test_a_flipped_bit_in_each_file_is_found_and_the_file_is_named(folder: Path) -> None:
    chance = random.Random(14)
    for path in files_in(folder):
        whole = path.read_bytes()
        for place in chance.sample(range(len(whole)), min(3, len(whole))):
            path.write_bytes(flipped(whole, place))
            found = verify(str(folder))
            assert not found["ok"], (path, place)
            # A digit in this list, which is not signed, is as good as a change of the file that it lists.
            named = path.name == "tagmanifest-sha256.txt" or any(
                path.name in fault["what"] for fault in found["faults"]
            )
            assert named, (path, found["faults"])
        path.write_bytes(whole)
    assert verify(str(folder))["ok"]


def test_the_verifier_alone_finds_a_flipped_bit_too(folder: Path) -> None:
    script = folder.with_name("verify.py")
    shutil.copy(folder / "verify.py", script)
    for path in files_in(folder)[::4]:
        whole = path.read_bytes()
        path.write_bytes(flipped(whole, len(whole) // 2) if whole else b"x")
        assert by_itself(folder, script=script)[0] == 1, path
        path.write_bytes(whole)


def test_a_file_that_is_removed_added_renamed_or_swapped_is_found(made: Bundled, folder: Path) -> None:
    for path in files_in(folder):
        whole = path.read_bytes()
        path.unlink()
        assert not verify(str(folder))["ok"], path
        path.with_name(f"x{path.name}").write_bytes(whole)
        assert not verify(str(folder))["ok"], path
        path.with_name(f"x{path.name}").rename(path)
    one, two = folder / "data/record/leaves.txt", folder / "data/scope.json"
    kept = one.read_bytes(), two.read_bytes()
    one.write_bytes(kept[1])
    two.write_bytes(kept[0])
    assert not verify(str(folder))["ok"]
    one.write_bytes(kept[0])
    two.write_bytes(kept[1])
    other = next((made.folder / "public.zip.d").iterdir())
    for name in sorted(UNSIGNED | {"checkpoint", "data/record/events.jsonl"}):
        kept_one = (folder / name).read_bytes()
        shutil.copy(other / name, folder / name)
        same = (folder / name).read_bytes() == kept_one
        assert verify(str(folder))["ok"] is same, name
        (folder / name).write_bytes(kept_one)
    assert verify(str(folder))["ok"]


def resigned(folder: Path, made: Bundled, change: Callable[[dict[str, bytes]], None]) -> dict[str, Any]:
    """Return the check of a bundle that was changed and signed again by the holder of the key."""
    key, _ = signing_key(made.desk.office().store, made.desk.clock.now())
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_in(folder)}
    change(files)

    def listed(names: list[str]) -> bytes:
        return "".join(
            f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(names)
        ).encode()

    files["manifest-sha256.txt"] = manifest = listed([name for name in files if name.startswith("data/")])
    statement = json.loads(formats.unb64(json.loads(files["statement.dsse.json"])["payload"]))
    statement["subject"] = [
        {"name": name, "digest": {"sha256": hashlib.sha256(files[name]).hexdigest()}}
        for name in sorted(set(files) - UNSIGNED)
    ]
    body = formats.as_json(statement).encode()
    signature = key.sign(formats.pae(body))
    files["manifest.sig"] = key.sign(manifest)
    files["manifest.sshsig"] = formats.ssh_signature(
        key.public, key.sign(formats.ssh_signed(manifest))
    ).encode()
    files["statement.dsse.json"] = formats.envelope(body, key.public, signature).encode()
    files["statement.sigstore.json"] = formats.sigstore(body, key.public, signature).encode()
    tags = [name for name in files if not name.startswith("data/") and name != "tagmanifest-sha256.txt"]
    files["tagmanifest-sha256.txt"] = listed(tags)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return verify(str(folder))


HOME_LOG = "data/record/home-log.json"
LEAVES, EVENTS, SCOPE = "data/record/leaves.txt", "data/record/events.jsonl", "data/scope.json"


def _drop_last_leaf(files: dict[str, bytes]) -> None:
    files[LEAVES] = b"".join(files[LEAVES].splitlines(keepends=True)[:-1])


def _drop_an_event(files: dict[str, bytes]) -> None:
    files[EVENTS] = b"".join(files[EVENTS].splitlines(keepends=True)[1:])


def _change_an_actor(files: dict[str, bytes]) -> None:
    files[EVENTS] = files[EVENTS].replace(b"maria", b"jonas", 1)


def _change_content(files: dict[str, bytes]) -> None:
    files[EVENTS] = files[EVENTS].replace(b"A notice", b"A motive", 1)


def _name_another_place_in_the_log(files: dict[str, bytes]) -> None:
    files[HOME_LOG] = files[HOME_LOG].replace(b'"number": ', b'"number": 1', 1)


def _name_the_head_of_another_incident(files: dict[str, bytes]) -> None:
    files[HOME_LOG] = re.sub(rb'"salt": "[0-9a-f]{2}', b'"salt": "ff', files[HOME_LOG], count=1)


def _leave_out_the_log(files: dict[str, bytes]) -> None:
    files[HOME_LOG] = b"{}"


def _say_less_is_withheld(files: dict[str, bytes]) -> None:
    scope = json.loads(files[SCOPE])
    scope["withheld"].pop()
    files[SCOPE] = json.dumps(scope).encode()


@pytest.mark.parametrize(
    ("change", "layer"),
    [
        (_drop_last_leaf, "tree"),
        (_drop_an_event, "scope"),
        (_change_an_actor, "chain"),
        (_change_content, "chain"),
        (_say_less_is_withheld, "scope"),
        (_name_another_place_in_the_log, "log"),
        (_name_the_head_of_another_incident, "log"),
        (_leave_out_the_log, "log"),
    ],
)
def test_who_signs_a_false_bundle_again_is_found_by_the_record(
    made: Bundled, folder: Path, change: Callable[[dict[str, bytes]], None], layer: str
) -> None:
    resized = resigned(folder, made, lambda files: None)
    assert resized["ok"], resized["faults"]
    found = resigned(folder, made, change)
    layers = {fault["layer"] for fault in found["faults"]} - {"bag"}  # the size in bag-info.txt
    assert layer in layers
    assert found["layers"]["signature"]["state"] != "broken"


# --- programs of others --------------------------------------------------------------------------------------


def commands(folder: Path) -> list[list[str]]:
    """Return the commands of VERIFY.txt that one line can run, without the last one."""
    lines = (folder / "VERIFY.txt").read_text().splitlines()
    found = [line.strip() for line in lines if line.startswith("   ") and "verify.py" not in line]
    programs = ("sha256sum", "openssl", "ssh-keygen")
    return [["sh", "-ec", line] for line in found if line.split()[0] in programs and " pkey " not in line]


@pytest.mark.filterwarnings("ignore:'count' is passed as positional argument:DeprecationWarning")  # in bagit
def test_the_programs_of_others_accept_a_bundle_and_refuse_a_changed_one(folder: Path) -> None:
    runs = commands(folder)
    assert len(runs) == 3
    for run in runs:
        assert subprocess.run(run, cwd=folder, capture_output=True, check=False).returncode == 0, run
    bagit.Bag(str(folder)).validate()
    (folder / SCOPE).write_bytes((folder / SCOPE).read_bytes() + b"\n")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(folder)).validate()
    manifest = folder / "manifest-sha256.txt"
    manifest.write_bytes(flipped(manifest.read_bytes(), 3))
    for run in runs:
        assert subprocess.run(run, cwd=folder, capture_output=True, check=False).returncode != 0, run


def test_cosign_accepts_a_file_of_the_statement_and_refuses_a_changed_one(folder: Path) -> None:
    if shutil.which("cosign") is None:
        absent("cosign", "install the package cosign")
    (run,) = (line for line in (folder / "VERIFY.txt").read_text().splitlines() if "| cosign " in line)
    for code in (True, False):
        said = subprocess.run(["sh", "-ec", run], cwd=folder, capture_output=True, check=False)
        assert (said.returncode == 0) is code, said.stderr
        (folder / EVENTS).write_bytes((folder / EVENTS).read_bytes() + b"\n")


def test_securesystemslib_verifies_the_statement(folder: Path) -> None:
    key = SSlibKey.from_crypto(load_pem_public_key((folder / "key.pub").read_bytes()))
    for name, inside in (("statement.dsse.json", ""), ("statement.sigstore.json", "dsseEnvelope")):
        found = json.loads((folder / name).read_text())
        envelope = found[inside] if inside else found
        envelope["signatures"][0]["keyid"] = key.keyid
        assert len(Envelope.from_dict(envelope).verify([key], 1)) == 1


def test_the_program_in_the_instructions_verifies_the_statement(folder: Path) -> None:
    program = (folder / "VERIFY.txt").read_text().partition("python3 -c '\n")[2].partition("\n'")[0]
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, cwd=folder, capture_output=True, check=False).returncode == 0
    statement = folder / "statement.dsse.json"
    statement.write_text(statement.read_text().replace('"sig":"', '"sig":"AA', 1))
    assert subprocess.run(run, cwd=folder, capture_output=True, check=False).returncode != 0


def test_the_plain_signature_check_agrees_with_the_library() -> None:
    secret = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = secret.public_key().public_bytes_raw()
    signature = b""
    for size in (0, 1, 200):
        signature = secret.sign(bytes(size))
        assert formats.is_signed_plainly(public, signature, bytes(size))
        for place in range(0, 64, 9):
            wrong = flipped(signature, place)
            assert not formats.is_signed_plainly(public, wrong, bytes(size))
    order = 2**252 + 27742317777372353535851937790883648493
    number = int.from_bytes(signature[32:], "little") + order
    assert not formats.is_signed_plainly(public, signature[:32] + number.to_bytes(32, "little"), bytes(200))


SMALL_ORDER = [
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    )
]
"""The canonical keys of small order: for each, some signatures fit many contents."""


def test_a_key_of_small_order_or_in_another_form_signs_nothing() -> None:
    one = (1).to_bytes(32, "little")
    noncanonical = [(2**255 - 19 + 1).to_bytes(32, "little"), (2**255 - 18 | 1 << 255).to_bytes(32, "little")]
    for key in (*SMALL_ORDER, *noncanonical):
        for check in (formats.is_signed, formats.is_signed_plainly):
            for number in range(16):
                assert not check(key, one + bytes(32), str(number).encode()), (key.hex(), check)


def mixed(part: bytes) -> tuple[bytes, bytes, bytes]:
    """Return a key with a part of small order, and a signature of a content that libraries accept or refuse."""
    times, add, point = formats._times, formats._add, formats._point
    base, order = formats._BASE, formats._L

    def coded(where: tuple[int, int, int, int]) -> bytes:
        inverse = pow(where[2], -1, formats._P)
        x, y = (where[0] * inverse % formats._P, where[1] * inverse % formats._P)
        return (y | (x & 1) << 255).to_bytes(32, "little")

    secret, nonce = 12345, 67890
    key, first = coded(add(times(secret, base), point(part))), coded(times(nonce, base))
    for number in range(100):
        data = str(number).encode()
        digest = int.from_bytes(hashlib.sha512(first + key + data).digest(), "little") % order
        if (
            digest % 8 == 0
        ):  # the part of small order vanishes in digest * key, but not in (order - digest) * key
            return key, first + ((nonce + digest * secret) % order).to_bytes(32, "little"), data
    raise AssertionError


def test_both_checks_agree_on_a_key_with_a_part_of_small_order() -> None:
    for part in SMALL_ORDER[1:]:
        key, signature, data = mixed(part)
        assert formats.is_signed(key, signature, data) == formats.is_signed_plainly(key, signature, data)


# --- hostile bundles -----------------------------------------------------------------------------------------


def packed(files: list[tuple[bytes, bytes]]) -> bytes:
    """Return a ZIP file in our own form with any names."""
    out, entries = b"", []
    for name, body in files:
        entries.append((name, zlib.crc32(body), len(body), len(out)))
        out += formats.local_header(name, zlib.crc32(body), len(body)) + body
    return out + formats.central_directory(entries, len(out))


NAMES = (
    b"b/../../etc/passwd", b"/etc/passwd", b"b/./x", b"b//x", b"b\\x", b"C:/x", b"b/con.txt", b"b/NUL", b"b/x.", b"b/x ",
    b"b/\xc3\xa9", b"b/x\n", b"b/" + b"y" * 300, b"..", b"b/.hidden", b"b/x:y",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_leave_the_folder_is_refused(made: Bundled, tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "hostile.zip"
    path.write_bytes(packed([(name, b"x")]))
    found = made.check(path)
    assert (found["code"], found["layers"]["container"]["state"]) == (1, "broken")


def _huge() -> bytes:
    header = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0x800, 0, 0, 0x21, 0, 2**32 - 1, 2**32 - 1, 3, 0)
    return header + b"b/x"


def _compressed(tmp: Path) -> bytes:
    with zipfile.ZipFile(tmp / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/zeros", bytes(10_000_000))
    return (tmp / "bomb.zip").read_bytes()


def _link(tmp: Path) -> bytes:
    info = zipfile.ZipInfo("b/link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp / "link.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return (tmp / "link.zip").read_bytes()


def test_bombs_links_twins_and_noise_are_refused(made: Bundled, tmp_path: Path) -> None:
    good = (made.folder / "insurer.zip").read_bytes()
    corpus = {
        "empty": b"",
        "noise": bytes(range(256)) * 40,
        "huge": _huge(),
        "compressed": _compressed(tmp_path),
        "link": _link(tmp_path),
        "twice": packed([(b"b/x", b"1"), (b"b/x", b"2")]),
        "case twins": packed([(b"b/X", b"1"), (b"b/x", b"2")]),
        "two folders": packed([(b"a/x", b"1"), (b"b/x", b"2")]),
        "no folder": packed([(b"x", b"1")]),
        "not in order": packed([(b"b/y", b"1"), (b"b/x", b"2")]),
        "too many": packed([(b"b/%06d" % number, b"") for number in range(20_001)]),
        "cut": good[:-40],
        "longer": good + b"x",
        "before": b"x" + good,
        "two files in one": good + good,
    }
    path = tmp_path / "hostile.zip"
    for name, content in corpus.items():
        path.write_bytes(content)
        found = verify(str(path))
        assert found["layers"]["container"]["state"] == "broken", name
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bomb.zip", "hostile.zip", "link.zip"]


@pytest.mark.parametrize("sizes", [(1 << 40,), (1 << 31, 1 << 31)])
def test_a_folder_that_is_too_large_is_refused_before_a_byte_is_read(
    folder: Path, sizes: tuple[int, ...]
) -> None:
    for number, size in enumerate(sizes):
        with (folder / f"sparse{number}").open("wb") as file:
            file.truncate(size)
    assert verify(str(folder))["layers"]["container"]["state"] == "broken"


def test_many_folders_without_a_file_are_refused(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}").mkdir()
    assert verify(str(tmp_path))["layers"]["container"]["state"] == "broken"


@pytest.mark.parametrize("name", ["incident", "audience", "head"])
def test_a_lone_surrogate_is_a_fault_and_no_crash(made: Bundled, folder: Path, name: str) -> None:
    scope = json.loads((folder / SCOPE).read_text())
    scope[name] = "\ud800\x1b[2J"
    (folder / SCOPE).write_text(json.dumps(scope))
    found = made.check(folder)
    assert (found["code"], found[name]) == (1, r"\ud800\x1b[2J")


def test_a_link_or_a_device_in_a_folder_is_refused(folder: Path) -> None:
    secret = folder.with_name("secret")
    secret.write_bytes((folder / SCOPE).read_bytes())
    (folder / SCOPE).unlink()
    (folder / SCOPE).symlink_to(secret)
    assert verify(str(folder))["layers"]["container"]["state"] == "broken"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        b'{"payload":' + b"9" * 50_000 + b"}",
        b"\xff\xfe",
        b"null",
        b'{"payload":"AA==","signatures":[]}',
    ],
)
def test_hostile_json_is_a_fault_and_no_crash(folder: Path, body: bytes) -> None:
    for name in ("statement.dsse.json", SCOPE, EVENTS):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(body + b"\n")
        assert not verify(str(folder))["ok"]
        (folder / name).write_bytes(kept)


def test_what_is_printed_has_no_control_characters(folder: Path) -> None:
    manifest = folder / "manifest-sha256.txt"
    manifest.write_text("0" * 64 + "  data/\x1b[2J\n")
    script = folder.with_name("verify.py")
    shutil.copy(folder / "verify.py", script)
    code, text = by_itself(folder, script=script)
    assert code == 1
    assert "\x1b" not in text
