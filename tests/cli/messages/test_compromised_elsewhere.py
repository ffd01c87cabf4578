"""What a person declares compromised in one real incident counts in every other one, and in the home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, Said
from tests.cli.home.test_integrity import tamper
from tests.cli.messages.test_outages import PEOPLE, PLAYBOOK, Providers, Service, domains, told
from tests.servers.postgres import BOTH_STORES

WHY = ("--reason", "keys replaced")
MESSENGER = ("--compromised", "messenger")


@pytest.fixture
def providers(tocsin: AtDesk) -> Iterator[Providers]:
    made = Providers(tocsin, Service(200), Service(200))
    with ExitStack() as stack:
        for one in (made.messenger, made.other, made.second):
            stack.enter_context(one.server)
        people = {n: {"name": n, "contacts": [{"channel": "handle", "address": n}]} for n in PEOPLE[:2]}
        roles = {"counsel": PEOPLE[:2], "commander": ["ada"]}
        people |= {n: {"name": n, "contacts": []} for n in ("ada", "eve")}
        tocsin.settings(people=people, roles=roles, channels=made.channels)
        yield made


@pytest.fixture
def playbook(tmp_path: Path) -> str:
    path = tmp_path / "call-out.yaml"
    roles = "{counsel: {title: Legal counsel}, commander: {title: Commander}}"
    path.write_text(PLAYBOOK.replace("{counsel: {title: Legal counsel}}", roles), encoding="utf-8")
    return str(path)


@pytest.fixture
def quiet(tmp_path: Path) -> str:
    """Return a playbook that sends nothing."""
    path = tmp_path / "quiet.yaml"
    head, _, _ = PLAYBOOK.partition("messages:")
    steps = "steps:\n  - {id: look, task: Look, role: counsel}\n"
    text = f"{head.replace('call-out', 'quiet')}{steps}"
    roles = "{counsel: {title: Legal counsel}, commander: {title: Commander}}"
    path.write_text(text.replace("{counsel: {title: Legal counsel}}", roles), encoding="utf-8")
    return str(path)


def opened(tocsin: AtDesk, playbook: str, *words: str) -> str:
    said = tocsin("open", playbook, "--yes", "--as", "ada", *words, "--format", "json")
    assert said.code == 0, said.err
    return str(said.json["codename"])


def row(said: Said, domain: str = "messenger") -> dict[str, object]:
    return dict(next(one for one in said.json["domains"] if one["domain"] == domain))


@BOTH_STORES
def test_the_second_incident_sends_nothing_over_what_the_first_one_named(
    providers: Providers, playbook: str, quiet: str
) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER)
    second = opened(tocsin, playbook)
    assert providers.messenger.asked == providers.second.asked == 0
    assert providers.other.asked == 2
    assert {one["state"] for one in providers.deliveries(second)} == {"satisfied"}
    found = row(tocsin("domain", "list", "--incident", second, "--format", "json"))
    assert (found["state"], found["declared_in"]) == ("compromised", [first])
    assert any("messenger" in one for one in told(tocsin, second, "DomainDeclared"))
    assert not any(first in one for one in told(tocsin, second, "DomainDeclared"))


@BOTH_STORES
def test_what_waited_to_be_sent_goes_another_way(providers: Providers, playbook: str, quiet: str) -> None:
    tocsin = providers.tocsin
    providers.messenger.answers(429, "Retry-After: 30")
    providers.second.answers(429, "Retry-After: 30")
    waiting = opened(tocsin, playbook)
    asked = providers.messenger.asked + providers.second.asked
    assert {one["state"] for one in providers.deliveries(waiting)} == {"active"}
    opened(tocsin, quiet, *MESSENGER)
    tocsin.clock.advance(timedelta(minutes=1))
    tocsin("worker", "--once")
    assert providers.messenger.asked + providers.second.asked == asked
    assert providers.other.asked == 2
    assert {one["state"] for one in providers.deliveries(waiting)} == {"satisfied"}


def test_an_exercise_counts_it_and_says_nothing_to_a_real_incident(
    providers: Providers, playbook: str, quiet: str
) -> None:
    tocsin = providers.tocsin
    opened(tocsin, quiet, *MESSENGER, "--kind", "exercise")
    real = opened(tocsin, quiet)
    assert domains(tocsin, real)["messenger"] == "up"
    tocsin.done("domain", "compromised", "messenger", "--incident", real, "--as", "ada")
    exercise = opened(tocsin, playbook, "--kind", "exercise")
    assert domains(tocsin, exercise)["messenger"] == "compromised"
    assert providers.messenger.asked == providers.second.asked == 0


def test_a_plan_without_an_incident_and_the_metrics_count_it(providers: Providers, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER)
    tocsin.closed(first, "--reason", "over", "--as", "ada")
    plan = tocsin("message", "plan", "task-notice", "--to", "counsel", "--format", "json").json
    blocked = {refusal["channel"]: refusal["rule"] for refusal in plan["plan"][0]["refusals"]}
    assert (blocked["chat"], blocked["chat-again"]) == ("R1", "R1")
    findings = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    assert any(one["area"] == "domains" and "messenger" in one["what"] for one in findings)


def test_what_a_playbook_assumes_is_a_warning_elsewhere(
    providers: Providers, playbook: str, quiet: str
) -> None:
    tocsin = providers.tocsin
    text = Path(quiet).read_text(encoding="utf-8")
    Path(quiet).write_text(
        text.replace("steps:", "assume_compromised: [messenger]\nsteps:"), encoding="utf-8"
    )
    first = opened(tocsin, quiet)
    second = opened(tocsin, playbook)
    assert providers.messenger.asked == 2, "it is only assumed, and only there"
    found = row(tocsin("domain", "list", "--incident", second, "--format", "json"))
    assert (found["state"], found["assumed_in"]) == ("up", [first])
    plan = tocsin("message", "plan", "--incident", second, "--format", "json").json
    assert "R2" in {warning["rule"] for one in plan["plan"] for warning in one["warnings"]}


def test_only_the_incident_that_says_so_ends_it(providers: Providers, playbook: str, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER)
    second = opened(tocsin, quiet)
    refused = tocsin("domain", "declare-up", "messenger", *WHY, "--incident", second, "--as", "ada")
    assert (refused.error, first in refused.err) == ("compromised_elsewhere", True)
    tocsin.done("domain", "declare-up", "messenger", *WHY, "--incident", first, "--as", "ada")
    assert domains(tocsin, second)["messenger"] == "up"
    opened(tocsin, playbook)
    assert providers.messenger.asked == 2


def test_its_end_leaves_what_the_other_incident_says_itself(providers: Providers, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER)
    second = opened(tocsin, quiet)
    tocsin.done("domain", "compromised", "messenger", "--incident", second, "--as", "ada")
    up = ("domain", "declare-up", "messenger", *WHY, "--as", "ada", "--incident")
    tocsin.done(*up, first)
    assert domains(tocsin, first)["messenger"] == "compromised", "the second one says so"
    assert tocsin(*up, first).error == "compromised_elsewhere"
    tocsin.closed(second, "--reason", "done", "--as", "ada")
    assert domains(tocsin, first)["messenger"] == "compromised", "it outlasts its incident"
    tocsin.done(*up, second)
    assert domains(tocsin, first)["messenger"] == "up"


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_the_end_of_an_incident_hands_it_to_the_home(
    providers: Providers, playbook: str, quiet: str, end: str
) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER)
    tocsin.done(end, first, "--reason", "over", "--as", "ada")
    (asked,) = tocsin("status", first, "--format", "json").json["second_person"]
    tocsin.done("confirm", str(asked["entry"]), "--incident", first, "--as", "p0")
    found = row(tocsin("domain", "list", "--format", "json"))
    assert (found["state"], found["declared_in"]) == ("compromised", [first])
    opened(tocsin, playbook, "--kind", "test")
    assert providers.messenger.asked == 0
    up = ("domain", "declare-up", "messenger", "--incident", first)
    assert tocsin(*up, "--as", "ada").error == "reason_missing"
    tocsin.done(*up, *WHY, "--as", "ada")
    second = opened(tocsin, playbook)
    assert domains(tocsin, second)["messenger"] == "up"
    assert providers.messenger.asked == 2


def test_without_an_open_incident_the_one_that_says_so_is_named(providers: Providers, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER)
    tocsin.closed(first, "--reason", "over", "--as", "ada")
    up = ("domain", "declare-up", "messenger", *WHY, "--as", "ada")
    refused = tocsin(*up)
    assert (refused.error, f"--incident {first}" in refused.err) == ("compromised_elsewhere", True)
    tocsin.done(*up, "--incident", first)
    assert row(tocsin("domain", "list", "--format", "json"))["state"] == "up"
    assert any("keys replaced" in one for one in told(tocsin, first, "DomainDeclared"))


def test_a_reopened_incident_still_says_so_and_ends_it(providers: Providers, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER)
    tocsin.closed(first, "--reason", "over", "--as", "ada")
    tocsin.done("reopen", first, "--reason", "again", "--as", "ada")
    assert domains(tocsin, first)["messenger"] == "compromised"
    tocsin.done("domain", "declare-up", "messenger", *WHY, "--incident", first, "--as", "ada")
    tocsin.closed(first, "--reason", "over", "--as", "ada")
    assert row(tocsin("domain", "list", "--format", "json"))["state"] == "up"


def test_a_restricted_incident_is_named_to_nobody_outside(
    providers: Providers, playbook: str, quiet: str
) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, *MESSENGER, "--restricted", "--compromised", "chief-laptop")
    second = opened(tocsin, playbook)
    tocsin.os_user = "eve"
    listed = tocsin("domain", "list", "--incident", second, "--format", "json")
    screens = [
        listed,
        tocsin("domain", "list", "--incident", second),
        tocsin("domain", "list", "--incident", second, "--format", "text"),
        tocsin("domain", "declare-up", "messenger", *WHY, "--incident", second),
        tocsin("domain", "declare-up", "messenger", *WHY),
        tocsin("timeline", second),
        tocsin("status", second),
        tocsin("message", "plan", "--incident", second),
        tocsin("message", "list", "--incident", second),
    ]
    for said in screens:
        assert first not in said.out + said.err
        assert "chief-laptop" not in said.out + said.err
    assert row(listed)["declared_in"] == ["an incident that you may not read"]
    found = [one["what"] for one in tocsin("doctor", "--offline", "--format", "json").json["findings"]]
    assert [first in one for one in found if "messenger" in one] == [False]
    tocsin.os_user = "ada"
    assert row(tocsin("domain", "list", "--incident", second, "--format", "json"))["declared_in"] == [first]


def test_a_channel_names_its_domains_and_usual_names_are_known(providers: Providers, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet, "--compromised", "chat", "--compromised", "idp")
    states = domains(tocsin, first)
    assert (states["messenger"], states["idp"]) == ("compromised", "compromised")
    assert {"m365-tenant", "google-tenant", "corp-network", "phone"} <= {*states}


def test_a_name_on_which_nothing_depends_is_taken_with_a_note(providers: Providers, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet)
    said = tocsin("domain", "compromised", "billing-crm", "--incident", first, "--as", "ada")
    assert (said.code, said.warnings) == (0, ["nothing_depends"])
    assert domains(tocsin, first)["billing-crm"] == "compromised"


def test_a_near_miss_is_asked_about(providers: Providers, quiet: str) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet)
    near = ("domain", "compromised", "mesenger", "--incident", first, "--as", "ada")
    said = tocsin(*near)
    assert (said.error, '"messenger"' in said.err) == ("unknown_domain", True)
    assert tocsin(*near, types="y\n").code == 0
    assert domains(tocsin, first)["messenger"] == "compromised"
    assert "nothing_depends" in tocsin(*near, types="n\n").err
    assert domains(tocsin, first)["mesenger"] == "compromised"
    exact = ("domain", "compromised", "=idq", "--incident", first, "--as", "ada")
    assert tocsin(*exact).warnings == ["nothing_depends"]


PLAIN = "sealed = 0, private = CAST('Title' || char(0) || 'sev2/[]' AS BLOB)"
PLANTED = {
    "plain": PLAIN,
    "as a list of people": f"{PLAIN}, kind = 'organisation'",
    "of another kind": f"{PLAIN}, kind = 'test'",
    "before the declaration": "private = (SELECT private FROM before WHERE before.id = incidents.id)",
}


@pytest.mark.parametrize("how", [*PLANTED, "the whole row as it was"])
def test_a_row_that_the_key_did_not_make_ends_no_compromise(
    providers: Providers, quiet: str, how: str
) -> None:
    tocsin = providers.tocsin
    first = opened(tocsin, quiet)
    tamper(tocsin, "CREATE TABLE before AS SELECT * FROM incidents")
    tocsin.done("domain", "compromised", "messenger", "--reason", "strange logins", "--as", "ada")
    tocsin.closed(first, "--reason", "over", "--as", "ada")
    whole = ("DELETE FROM incidents", "INSERT INTO incidents SELECT * FROM before")
    change = f"UPDATE incidents SET {PLANTED[how]} WHERE codename = '{first}'" if how in PLANTED else ""  # noqa: S608  # written here
    assert not damaged(tocsin)
    tamper(tocsin, *([change] if change else whole), "DROP TABLE before")
    found = row(tocsin("domain", "list", "--format", "json"))
    assert found["state"] == "compromised"
    assert not tocsin("audit", "verify", "--format", "json").json["ok"]
    assert damaged(tocsin)


def damaged(desk: AtDesk) -> set[str]:
    """Return where doctor finds that the record was changed."""
    said = desk("doctor", "--offline", "--format", "json").json["findings"]
    return {one["area"] for one in said if one["severity"] == "error"} & {"journal", "integrity"}
