"""A bag that is read is hostile: every difference from its manifests is found by kind, and nothing outside is opened."""

from __future__ import annotations

from pathlib import Path

import bagit
import pytest

from runner.files.bag import BagFault, bag_digest, bag_info, check_bag, digest_of, write_bag

NAMES = ("a.txt", "deep/er/b.bin", "100%.txt", "line\nbreak.txt", "ümlaut.txt")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A bag with files whose names need care."""
    folder = tmp_path / "bag"
    for name in NAMES:
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    write_bag(folder, [("External-Identifier", "one\ntwo"), ("Note", "a"), ("Note", "b")])
    return folder


def relisted(folder: Path) -> None:
    """Make the tag manifest right again, as somebody who changes a manifest would."""
    names = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt")
    lines = [f"{digest_of(folder / name)}  {name}\n" for name in names]
    (folder / "tagmanifest-sha256.txt").write_text("".join(lines))


# bagit 1.9 calls re.sub as Python 3.13 discourages.
@pytest.mark.filterwarnings("ignore:'count' is passed:DeprecationWarning")
def test_another_program_accepts_a_bag_and_its_description_stays(made: Path) -> None:
    assert check_bag(made) == ()
    # bagit 1.9 does not decode the per cent sign of a name, as RFC 8493, 2.1.3, wants it.
    (made / "data" / "100%.txt").unlink()
    write_bag(made, [("External-Identifier", "one\ntwo"), ("Note", "a"), ("Note", "b")])
    assert bagit.Bag(str(made)).is_valid()
    assert bag_info(made)["External-Identifier"].split() == ["one", "two"]
    assert bag_info(made)["Note"].split() == ["a", "b"]
    assert bag_info(made)["Payload-Oxum"].endswith(f".{len(NAMES) - 1}")


def test_the_digest_of_a_bag_changes_with_every_byte(made: Path) -> None:
    before = bag_digest(made)
    (made / "data" / "a.txt").write_text("b")
    assert bag_digest(made) == before
    assert check_bag(made) == (BagFault("changed", "data/a.txt"),)
    write_bag(made, [])
    assert bag_digest(made) != before


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        "/etc/hostname",
        "data/../../outside.txt",
        "data/./a.txt",
        "data//a.txt",
        "C:/a.txt",
        "data\\a.txt",
        "other/a.txt",
        "a.txt",
        "data/a.txt",
    ],
)
def test_a_path_that_leaves_the_bag_or_comes_twice_is_refused(made: Path, name: str) -> None:
    (made.parent / "outside.txt").write_text("x")
    manifest = made / "manifest-sha256.txt"
    digest = digest_of(made / "data" / "a.txt")
    manifest.write_text(f"{manifest.read_text()}{digest}  {name}\n")
    relisted(made)
    assert BagFault("unsafe", name) in check_bag(made)


@pytest.mark.parametrize("line", ["no digest here", f"{'0' * 63}  data/a.txt", "\0"])
def test_a_line_that_is_no_entry_is_refused(made: Path, line: str) -> None:
    manifest = made / "manifest-sha256.txt"
    manifest.write_text(f"{manifest.read_text()}{line}\n")
    relisted(made)
    assert BagFault("unsafe", line) in check_bag(made)


def test_a_link_is_refused_even_to_the_right_content(made: Path) -> None:
    target = made.parent / "same.txt"
    (made / "data" / "a.txt").rename(target)
    (made / "data" / "a.txt").symlink_to(target)
    assert check_bag(made) == (BagFault("unsafe", "data/a.txt"),)


def test_a_linked_folder_is_refused(made: Path) -> None:
    target = made.parent / "elsewhere"
    (made / "data" / "deep").rename(target)
    (made / "data" / "deep").symlink_to(target)
    kinds = {(fault.kind, fault.path) for fault in check_bag(made)}
    assert kinds == {("unsafe", "data/deep/er/b.bin"), ("extra", "data/deep")}


def test_a_file_that_no_manifest_names_is_found(made: Path) -> None:
    (made / "data" / "more.txt").write_text("x")
    (made / "beside.txt").write_text("x")
    assert {*check_bag(made)} == {BagFault("extra", "data/more.txt"), BagFault("extra", "beside.txt")}


@pytest.mark.parametrize("text", ["", "BagIt-Version: 2.0\n", "\0" * 10])
def test_a_folder_without_a_declaration_is_no_bag(made: Path, text: str) -> None:
    (made / "bagit.txt").write_text(text)
    assert [fault.kind for fault in check_bag(made)] == ["declaration"]


@pytest.mark.parametrize("name", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_a_missing_manifest_is_found(made: Path, name: str) -> None:
    (made / name).unlink()
    assert "unreadable" in {fault.kind for fault in check_bag(made)}


def test_a_path_longer_than_the_system_allows_is_a_fault(made: Path) -> None:
    manifest = made / "manifest-sha256.txt"
    manifest.write_text(f"{manifest.read_text()}{'0' * 64}  data/{'x' * 5000}\n", encoding="utf-8")
    assert "unreadable" in {fault.kind for fault in check_bag(made)}
