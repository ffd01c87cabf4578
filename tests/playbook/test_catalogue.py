"""Finding playbooks, law and notices; bundles and their digests; files of every kind; SARIF."""

from __future__ import annotations

import re
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from runner.errors import Invalid, NotFound
from runner.files.validate import to_sarif, validate
from runner.playbook.bundle import load_bundle
from runner.playbook.catalogue import Catalog, shipped
from runner.playbook.format import Bundle
from runner.routing.messaging import Channel, ChannelConfig, ContactPoint
from runner.routing.organisation import Home, Person
from tests.refusals import refused

ROOT = Path(__file__).parents[2]


def playbook(name: str, version: str = "1.0.0", steps: str = "{id: a, task: A}", more: str = "") -> str:
    return (
        f"schema: tocsin/playbook/v1\nname: {name}\nversion: {version}\ntitle: T\n{more}steps:\n  - {steps}\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind in ("playbooks", "regimes", "notices"):
        (tmp_path / kind).mkdir()
    return tmp_path


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / "playbooks" / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_built_in_playbooks_are_all_valid() -> None:
    problems = validate([ROOT / "playbooks"], Catalog())
    assert [str(problem) for problem in problems if problem.severity == "error"] == []


@pytest.mark.parametrize("name", ["personal-data-breach", "lost-device", "misdirected-message"])
def test_a_built_in_playbook_is_named_as_its_file_and_can_be_pinned(name: str) -> None:
    bundle = load_bundle(name, Catalog())
    assert bundle.playbook.name == name
    again = msgspec.json.decode(msgspec.json.encode(bundle), type=Bundle)
    assert again == bundle


def test_the_homes_own_file_hides_the_one_that_ships(folder: Path) -> None:
    put(folder, "lost-device", playbook("lost-device", "9.0.0"))
    assert load_bundle("lost-device", Catalog(folder)).playbook.version == "9.0.0"
    assert load_bundle("misdirected-message", Catalog(folder)).playbook.name == "misdirected-message"


def test_a_version_is_chosen_by_as_much_of_it_as_is_given(folder: Path) -> None:
    for version in ("1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0"):
        put(folder, f"own@{version}", playbook("own", version))
    put(folder, "own", playbook("own", "3.0.0"))
    catalog = Catalog(folder)
    chosen = {
        wanted: load_bundle(wanted, catalog).playbook.version
        for wanted in ("own", "own@1", "own@1.2", "own@2", "own@1.10.0")
    }
    assert chosen == {
        "own": "3.0.0",
        "own@1": "1.10.0",
        "own@1.2": "1.2.0",
        "own@2": "2.0.0",
        "own@1.10.0": "1.10.0",
    }
    with refused("unknown_version", NotFound) as caught:
        load_bundle("own@7", catalog)
    assert ("7" in caught.value.message, "own" in caught.value.message) == (True, True)
    there = re.findall(r"\d[\w.-]*\w", caught.value.hint)
    assert there == ["1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "3.0.0"]


def test_without_a_current_file_the_newest_version_is_taken(folder: Path) -> None:
    for version in ("1.2.0", "1.10.0"):
        put(folder, f"own@{version}", playbook("own", version))
    assert load_bundle("own", Catalog(folder)).playbook.version == "1.10.0"


@pytest.mark.parametrize(("wanted", "named"), [("lost-devise", "lost-device"), ("zzz", "list")])
def test_an_unknown_name_gets_the_nearest_one_or_the_list_command(wanted: str, named: str) -> None:
    with refused("unknown_playbook", NotFound) as caught:
        load_bundle(wanted, Catalog())
    assert {"lost-device", "list"} & set(re.findall(r"[\w-]+", caught.value.hint)) == {named}


def test_law_and_notices_are_found_by_id() -> None:
    catalog = Catalog()
    assert catalog.regime("us-ca-breach").id == "us-ca-breach"
    assert catalog.notice("gdpr-33-initial")[0].id == "gdpr-33-initial"
    assert [regime.id for regime in catalog.regimes()] == sorted(catalog.regime_files)
    assert list(catalog.notices()) == sorted(catalog.notice_files)
    with refused("unknown_regime", NotFound) as caught:
        catalog.regime("us-ca-breech")
    assert "us-ca-breach" in caught.value.hint
    with refused("unknown_notice", NotFound) as caught:
        catalog.notice("qqq")
    assert ("qqq" in caught.value.message, "list" in caught.value.hint) == (True, True)


def test_a_law_file_that_does_not_hold_is_as_good_as_unknown_duties(folder: Path) -> None:
    (folder / "regimes" / "own.yaml").write_text("schema: tocsin/regime/v1\n", encoding="utf-8")
    known = Catalog(folder).known()
    assert known.regime("own") is None
    assert known.duty("own/first") is None
    rule = known.duty("us-ca-breach/individuals")
    assert rule is not None
    assert rule.recipient == "individuals"


def test_failure_domains_are_those_of_channels_contacts_and_adapters() -> None:
    home = Home(
        schema="tocsin/home/v1",
        people={
            "a": Person(
                contacts=(ContactPoint(channel="m", address="a@example.org", domains=frozenset({"x"})),)
            )
        },
        channels={
            "m": ChannelConfig(adapter="smtp", domains=frozenset({"y"})),
            "n": ChannelConfig(adapter="console"),
        },
    )
    described = Channel(
        id="m",
        adapter="smtp",
        address_kind="email",
        domains=frozenset({"z"}),
        confidentiality="internal",
        personal_data="none",
    )
    assert Catalog().known(home, channels={"m": described}).domains == {"x", "y", "z"}


def test_a_bundle_includes_called_playbooks_and_its_digest_changes_with_them(folder: Path) -> None:
    put(folder, "inner", playbook("inner"))
    put(folder, "middle", playbook("middle", steps="{id: b, playbook: inner}"))
    top = "{id: a, playbook: middle}\n  - {id: c, playbook: inner}\n  - {id: d, task: D}"
    put(folder, "top", playbook("top", steps=top))
    first = load_bundle("top", Catalog(folder))
    assert sorted(first.includes) == ["inner", "middle"]
    assert first.digest.startswith("sha256:")
    put(folder, "inner", "# a remark changes nothing\n" + playbook("inner"))
    assert load_bundle("top", Catalog(folder)).digest == first.digest
    put(folder, "inner", playbook("inner", "1.0.1"))
    assert load_bundle("top", Catalog(folder)).digest != first.digest


def test_a_file_by_path_finds_the_playbooks_beside_it(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(playbook("inner"), encoding="utf-8")
    path = tmp_path / "top.yaml"
    path.write_text(playbook("top", steps="{id: a, playbook: inner}"), encoding="utf-8")
    assert list(load_bundle(str(path), Catalog()).includes) == ["inner"]
    assert [problem.code for problem in validate([path], Catalog())] == []


def test_two_versions_of_one_playbook_do_not_go_into_one_bundle(folder: Path) -> None:
    put(folder, "inner", playbook("inner", "2.0.0"))
    put(folder, "inner@1.0.0", playbook("inner", "1.0.0"))
    put(folder, "top", playbook("top", steps="{id: a, playbook: inner@1}\n  - {id: b, playbook: inner}"))
    with refused("two_versions", Invalid) as caught:
        load_bundle("top", Catalog(folder))
    assert "inner" in caught.value.message


def test_a_playbook_with_errors_cannot_be_pinned_and_says_all_of_them(folder: Path) -> None:
    put(folder, "own", playbook("own", steps="{id: a, task: A, role: x, after: [b]}"))
    with refused("bad_playbook", Invalid) as caught:
        load_bundle("own", Catalog(folder))
    assert [problem.code for problem in caught.value.problems] == ["unknown-role", "unknown-step"]


def test_an_invalid_playbook_file_cannot_be_pinned(folder: Path) -> None:
    path = put(folder, "own", "[1]\n")
    with refused("bad_playbook", Invalid) as caught:
        load_bundle(str(path), Catalog(folder))
    assert len(caught.value.problems) == 1


def test_playbooks_that_run_one_another_are_refused(folder: Path) -> None:
    put(folder, "left", playbook("left", steps="{id: a, playbook: right}"))
    put(folder, "right", playbook("right", steps="{id: a, playbook: left}\n  - {id: b, playbook: left}"))
    put(folder, "self", playbook("self", steps="{id: a, playbook: self}"))
    for name, circle in (("left", ["left", "right", "left"]), ("self", ["self", "self"])):
        with refused("bad_playbook", Invalid) as caught:
            load_bundle(name, Catalog(folder))
        problem = caught.value.problems[0]
        assert problem.code == "playbook-circle"
        assert re.findall(r"left|right|self", problem.message) == circle


def test_inputs_are_asked_for(folder: Path) -> None:
    put(folder, "inner", playbook("inner", more="inputs: {device: what is missing, owner: whose}\n"))
    path = put(folder, "top", playbook("top", steps="{id: a, playbook: inner, inputs: {device: \"'x'\"}}"))
    (problem,) = validate([path], Catalog(folder))
    assert problem.code == "missing-input"
    wanted = {"inner", "owner", "whose", "device"} & set(re.findall(r"\w+", problem.message))
    assert wanted == {"inner", "owner", "whose"}


def test_a_called_playbook_that_does_not_hold_is_named(folder: Path) -> None:
    put(folder, "inner", "schema: tocsin/playbook/v1\n")
    path = put(folder, "top", playbook("top", steps="{id: a, playbook: inner}"))
    (problem,) = validate([path], Catalog(folder))
    assert (problem.code, "inner" in problem.message) == ("unknown-playbook", True)
    assert {"validate", "inner"} <= set(problem.hint.split())


def test_strict_makes_warnings_errors(folder: Path) -> None:
    path = put(folder, "own", playbook("own", more="roles: {r: {title: R}}\n"))
    assert [problem.severity for problem in validate([path], Catalog())] == ["warning"]
    assert [problem.severity for problem in validate([path], Catalog(), strict=True)] == ["error"]


def test_files_are_recognised_by_their_schema(tmp_path: Path) -> None:
    files = {
        "notice.yaml": "schema: tocsin/notice/v1\nid: x\n",
        "facts.yaml": "schema: tocsin/facts/v1\ndata.encryptd: true\n",
        "good-facts.yaml": "schema: tocsin/facts/v1\ndata.encrypted: true\n",
        "regime.yaml": "schema: tocsin/regime/v1\nid: x\n",
        "tocsin.yaml": "schema: tocsin/home/v1\nrols: {}\n",
        "good-home.yaml": "schema: tocsin/home/v1\n",
        "list.yaml": "[1]\n",
        "notice.md": "---\nschema: tocsin/notice/v1\n---\n",
        "README.md": "# not ours\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    problems = validate([tmp_path], Catalog())
    assert {Path(problem.file).name for problem in problems} == {
        *("notice.yaml", "facts.yaml", "regime.yaml", "tocsin.yaml", "list.yaml", "notice.md")
    }


@pytest.mark.parametrize("name", ["none.yaml", "none.md"])
def test_a_missing_file_is_a_problem_like_any_other(tmp_path: Path, name: str) -> None:
    assert [problem.code for problem in validate([tmp_path / name], Catalog())] == ["file-missing"]


def test_sarif_says_rule_place_and_level() -> None:
    problems = validate([ROOT / "tests" / "golden" / "validate" / "times.yaml", Path("none.yaml")], Catalog())
    log = to_sarif(problems, version="1.2.3")
    (run,) = log["runs"]
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert len(run["results"]) == len(problems)
    result = run["results"][1]
    assert result["ruleId"] == "overdue-without-due"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]] == {"id": "overdue-without-due"}
    assert result["level"] == "error"
    assert result["message"]["text"] == f"{problems[1].message} ({problems[1].hint})"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 7, "startColumn": 22}
    assert "region" not in run["results"][-1]["locations"][0]["physicalLocation"]
    assert "version" not in to_sarif([])["runs"][0]["tool"]["driver"]


def test_shipped_playbooks_are_found_beside_the_package_or_as_a_resource() -> None:
    elsewhere = ModuleSpec("playbooks", None, is_package=True)
    elsewhere.submodule_search_locations = ["/not/here"]
    for found in (find_spec("playbooks"), elsewhere, None):
        assert (shipped(found) / "lost-device.yaml").is_file()
