"""What the reference and the guides show of files and code holds when it is read by the program itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from integrations.webhook import signature
from runner.documents.files.form_file import scan_fields
from runner.documents.files.notice_file import load_notice
from runner.files.settings_file import load_home
from runner.routing.messaging import ChannelConfig, ContactPoint
from runner.routing.organisation import Acting, Home, Person
from tests.docs import bundle_page, tables
from tests.docs.consoles import ROOT
from tests.golden_files import same

DOCS = ROOT / "docs"


def fences(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_settings_in_the_reference_load(tmp_path: Path) -> None:
    (example,) = fences("reference/settings.md", "yaml")
    (tmp_path / "tocsin.yaml").write_text(example, encoding="utf-8")
    home = load_home(tmp_path / "tocsin.yaml")
    assert set(home.channels) == {"outside-mail"}


def test_the_settings_in_the_reference_show_every_key() -> None:
    (example,) = fences("reference/settings.md", "yaml")
    for struct in (Home, Person, ContactPoint, ChannelConfig, Acting):
        for name in struct.__struct_fields__:
            assert re.search(rf"(^|[\s{{-]){name}:", example, re.MULTILINE), name


def test_the_references_to_secrets_in_the_guide_load(tmp_path: Path) -> None:
    (example,) = fences("how-to/store-secrets.md", "yaml")
    (tmp_path / "tocsin.yaml").write_text(f"schema: tocsin/home/v1\n{example}", encoding="utf-8")
    assert load_home(tmp_path / "tocsin.yaml").master_key == "keyring:tocsin/master"


def test_the_notice_in_the_reference_loads() -> None:
    (example,) = fences("reference/notice-files.md", "markdown")
    notice, body = load_notice(example.encode(), "works-council.md")
    assert notice.id == "works-council"
    assert "people.total" in body


def test_the_list_of_fields_in_the_reference_loads() -> None:
    (example,) = fences("reference/notice-files.md", "yaml")
    found, problems = scan_fields(example, "works-council-form.yaml")
    assert (found is not None, problems) == (True, ())


def test_the_reference_lists_every_action_template() -> None:
    page = (DOCS / "reference" / "actions.md").read_text(encoding="utf-8")
    listed = page.split("## Templates")[1]
    assert [line for line in listed.splitlines() if line.startswith("| `")] == tables.actions()


def test_the_page_of_law_files_shows_the_share_of_each_confidence() -> None:
    same(tables.LAW_PAGE, tables.confidence())


def test_the_page_of_web_pages_is_the_table_of_the_room() -> None:
    same(tables.PAGES_PAGE, tables.web_pages())


def test_the_page_of_the_api_is_the_tables_of_the_program() -> None:
    same(tables.API_PAGE, tables.api())


def test_the_page_of_bundles_has_every_file_and_field_of_a_bundle(tmp_path: Path) -> None:
    same(bundle_page.PAGE, bundle_page.page(tmp_path))


@pytest.mark.parametrize("rows", [tables.classes, tables.rules])
def test_the_tables_of_messages_are_the_classes_and_rules(rows: Callable[[], list[str]]) -> None:
    page = tables.PAGE.read_text(encoding="utf-8")
    assert "\n".join(rows()) in page


@pytest.mark.parametrize(
    ("late", "body", "holds"),
    [(timedelta(0), b"{}", True), (timedelta(minutes=6), b"{}", False), (timedelta(0), b"{ }", False)],
    ids=["ours", "too old", "changed"],
)
def test_a_receiver_written_as_the_guide_says_knows_our_signature(
    late: timedelta, body: bytes, holds: bool
) -> None:
    (code,) = fences("how-to/set-up-channels.md", "python")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # the page's own code
    is_ours = cast("Callable[[dict[str, str], bytes, str], bool]", names["is_ours"])
    key = bytes(range(32))
    sent = int((datetime.now(UTC) - late).timestamp())
    headers = {
        "webhook-id": "K",
        "webhook-timestamp": str(sent),
        "webhook-signature": f"v1,AAAA {signature(key, 'K', sent, b'{}')}",
    }
    assert is_ours(headers, body, f"whsec_{base64.b64encode(key).decode()}") is holds


def test_every_link_of_the_readme_leads_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_the_json_of_a_webhook_in_the_guide_has_the_keys_that_are_sent() -> None:
    from integrations.port import Outbound
    from integrations.webhook import payload

    (example,) = fences("how-to/set-up-channels.md", "json")
    sent = payload(
        Outbound(
            delivery="d-1",
            attempt=1,
            idempotency_key="K",
            recipient="maria",
            subject="s",
            text="t",
            at=datetime(2026, 11, 24, tzinfo=UTC),
        )
    )
    assert msgspec.json.decode(example).keys() == msgspec.json.decode(sent).keys()
