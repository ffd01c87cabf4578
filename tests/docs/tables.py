"""The tables of docs/reference: message classes, rules, action templates, confidence of the law, from these themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from runner.app.core.rights import ROLES, Right
from runner.app.home.figures import HELP
from runner.app.law.regimes import checked
from runner.files.alert_mapping import load_mapping
from runner.playbook.action_template import ActionTemplate
from runner.playbook.catalogue import Catalog
from runner.reports.law.confidence import LEVEL_WORDS
from runner.routing.messaging import BUILT_IN_CLASSES, MessageClass
from runner.routing.rule_book import Rule, rule_book
from runner.web.room.acts.forms import Field
from runner.web.room.acts.table import ACTING
from runner.web.room.health import HTTP
from runner.web.room.openapi import QUERY, act_path, api_path, program_acts, served
from runner.web.room.table import ACT, BY_OPERATION, DOWNLOADS, INCIDENT_ACT, TABLE
from tests.docs.consoles import ROOT

PAGE = ROOT / "docs" / "reference" / "messages.md"


def classes() -> list[str]:
    """Return one row for each built-in class."""
    return [_class(one) for one in BUILT_IN_CLASSES.values()]


def _class(one: MessageClass) -> str:
    cells = (
        f"`{one.name}`",
        one.confidentiality,
        one.personal_data,
        one.goal,
        str(one.first_wave),
        _span(one.fail_over_after),
        _span(one.escalate_after) if one.escalate_after else "–",
        f"{_span(one.remind_after)}, {one.reminders} times" if one.remind_after else "–",
        one.on_unknown,
        _span(one.stale_after),
    )
    return f"| {' | '.join(cells)} |"


def _span(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days} d"
    return (
        f"{span // timedelta(hours=1)} h"
        if span >= timedelta(hours=1)
        else f"{span // timedelta(minutes=1)} min"
    )


def rules() -> list[str]:
    """Return one row for each rule, with its ground."""
    return [_rule(one) for one in rule_book().values()]


def _rule(one: Rule) -> str:
    firm = " No override." if one.firm else ""
    doubt = "" if one.confirmed else " (recalled, not confirmed)"
    source = f"{one.source}{doubt}; {one.jurisdiction}; {one.as_of}"
    return f"| `{one.number}` | {one.says}.{firm} | {one.kept_by} | {source} |"


def actions() -> list[str]:
    """Return one row for each action template."""
    catalog = Catalog()
    return [_action(catalog.action(name)[0]) for name in sorted(catalog.action_files)]


def _action(one: ActionTemplate) -> str:
    undo = f"`{one.undo}`" if one.undo else "–"
    permission = ", ".join(one.permission) or "–"
    return f"| `{one.name}` | {one.title} | {one.risk} | {one.auth or '–'} | {permission} | {undo} |"


LAW_PAGE = ROOT / "docs" / "reference" / "regimes.md"
LAW_START, LAW_END = "<!-- confidence: written by tests.docs.tables -->\n", "<!-- end of confidence -->"


def confidence() -> str:
    """Return the page of law files with the share of each confidence among the shipped duties."""
    found = checked((), Catalog())
    rows = [f"| confidence | {found.duties} duties | share |", "|---|---|---|"]
    rows += [f"| {LEVEL_WORDS[one]} | {n} | {found.shares[one]:.1%} |" for one, n in found.confidence.items()]
    before, _, rest = LAW_PAGE.read_text(encoding="utf-8").partition(LAW_START)
    table = "\n".join(rows)
    return f"{before}{LAW_START}{table}\n{LAW_END}{rest.partition(LAW_END)[2]}"


PAGES_PAGE = ROOT / "docs" / "reference" / "pages.md"
_ABOUT = """\
# Web pages

The pages of `tocsin serve`, each with its address and the right that it needs. This page is written from the table of the program.
"""
_RIGHTS = """\
## Rights by role

A user of this machine has all rights, because this user can open the database. A name that a login proved has the rights of
its roles, in the home folder and in the incident. Any other right is denied. A page that you may not read gives the same answer
as a page that does not exist. The pages of `incident.read` name duties, notices and messages of the incident in short to everybody
who has a role in it. No role gives `message.own`: everybody has it to whom a message of the incident is addressed, and reads and
acknowledges that message alone. In a restricted incident, only people with a role in it have it.
"""


def web_pages() -> str:
    """Return the reference page of the room."""
    shown = [
        f"| {row.title or row.operation} | `{row.path}` | {_right(row.right)}{f', or `{row.own}` for what is addressed to the reader' if row.own else ''}{f', and `{row.real}` for an incident that is not an exercise' if row.real else ''} |"
        for row in TABLE
    ]
    rights = [
        f"| `{right}` | {', '.join(role for role, given in ROLES.items() if right in given.grants)} |"
        for right in get_args(Right)
    ]
    acts = [
        f"| {operation} | {verb} | `{_posted(operation, verb)}` | {_right(act.right)} |"
        for operation, acting in ACTING.items()
        for verb, act in acting.acts.items()
    ]
    pages = "\n".join(("| page | address | right |", "|---|---|---|", *shown))
    roles = "\n".join(("| right | roles |", "|---|---|", *rights))
    forms = "\n".join(("| page | form | address | right |", "|---|---|---|---|", *acts))
    found = (
        f"| {name} | `{path}` | {_right(BY_OPERATION[name].right)} |" for name, (path, _) in DOWNLOADS.items()
    )
    files = "\n".join(("| file of the page | address | right |", "|---|---|---|", *found))
    return f"{_ABOUT}\n{pages}\n\n{forms}\n\n{files}\n\n{_RIGHTS}\n{roles}\n"


def _posted(operation: str, verb: str) -> str:
    path = INCIDENT_ACT if BY_OPERATION[operation].about_incident else ACT
    return path.replace("{operation}", operation).replace("{verb}", verb)


API_PAGE = ROOT / "docs" / "reference" / "api.md"
_API = """\
# API

For people who write programs that read or change incidents. How to begin: [](../how-to/use-the-api.md). This page is written from the tables of the program.
`/api/v1/openapi.json` describes the same in OpenAPI 3.1.

A request has the header `Authorization: Bearer TOKEN`. Each address needs a right: the token has it as a scope, and the owner of the token has it in
the incident or in the home folder. What does not exist and what the token may not read get the same answer. An answer is the JSON that the command
prints with `--format json`, with its `schema`: [](json.md). Lists are whole. The status of an incident has only the duties in sight.

| read with GET, below `/api/v1` | right | parameters |
|---|---|---|
"""
_API_ACTS = """\
## Acts

A POST has a JSON object of texts, and the header `Idempotency-Key`. Only a token can act here. `If-Match` is optional: with the `ETag` of an answer, an
incident that changed since is refused. What a page shows before it is done, and what states a fact, is for people. Any other field or parameter is
refused, and so is a required field without text.

| act with POST, below `/api/v1` | right | fields |
|---|---|---|
"""
_API_HEADERS = """\
## Alerts

`POST /api/v1/alerts/NAME` takes the body of a monitoring program, with the right `alert.send` and without a key. `NAME` is a mapping:
`alerts/NAME.yaml` in the home folder, or a shipped one. The answer is 202 with the ids of the drafts. How to: [](../how-to/take-alerts.md).

| mapping | for |
|---|---|
{mappings}
## Headers

| header | meaning |
|---|---|
| `ETag` | version of the incident and the minute, as `"84.29937600"`; of a document its SHA-256 |
| `If-None-Match` | 304 if nothing changed in this minute |
| `If-Match` | 412 with the present `state` if the incident has another version; the part after the point is not compared |
| `Idempotency-Key` | a new random text of at most 200 characters; kept for 24 h. The same request gets the same answer, and is done once |
| `Idempotency-Replayed` | the answer is that of an earlier request |
| `Repr-Digest` | SHA-256 of a document (RFC 9530) |
| `X-Request-Id` | the `request` in the log of `tocsin serve --log` |

## Errors

An error is `application/problem+json` (RFC 9457): `type` is `urn:tocsin:error:CODE`, with `code`, `detail`, `hint`, `action` and `problems`. The codes are those of
[](errors.md), and:

| status | code | meaning |
|---|---|---|
| 400 | `two_logins` | a token and a session in one request |
| 400 | `bad_body`, `idempotency_key_missing` | the body is not an object of texts; no key |
| 401 | `not_logged_in` | no valid token |
| 403 | `token_needed` | a session, where only a token can act |
| 404 | `not_found` | absent, or not allowed |
| 409 | `key_in_progress`, `key_outcome_unknown` | the request with this key runs; or its process stopped, and nobody knows what it recorded |
| 412 | `changed_meanwhile` | another version; nothing was recorded |
| 422 | `bad_alert`, `bad_mapping` | the body is not as the mapping says, or the mapping is wrong |
| 429 | `too_many_alerts` | 200 alerts of this mapping wait for a person |
| 422 | `key_reused`, `unknown_field`, `unknown_parameter`, `bad_number`, `bad_cursor` | a wrong request |
| 503 | `store_locked`, `store_full`, `store_read_only` | the database; look whether the change was recorded |

## Monitoring

`/healthz` answers if the process runs. `/readyz` is 200, or 503 with the codes of what prevents work or makes times unsafe. `/metrics` has the figures below in the text format of Prometheus,
for this machine without a proxy, or for a token with `metrics.read`. No figure names an incident, a person or a law.

| figure | meaning |
|---|---|
"""


def api() -> str:
    """Return the reference page of the API."""
    reads = [
        f"| `{api_path(row).replace(':path', '')}` | `{'incident.read' if row.right == 'login' else row.right}` "
        f"| {', '.join(f'`{name}`' for name in QUERY.get(row.operation, ())) or '–'} |"
        for row in served()
    ]
    reads += [
        "| `/incidents/{incident}/events` | `incident.read` | `after`, `limit` |",
        "| `/events` | `incident.read` | `after`, `limit` |",
        "| `/incidents/{incident}/document/{ref}/{form}` | `notice.read` | – |",
    ]
    acts = [
        f"| `{act_path(row, verb)}` | `{act.right}` | {', '.join(map(_field, act.takes)) or '–'} |"
        for row, verb, act in program_acts()
    ]
    told = [f"| `tocsin_{name}` | {words} |" for name, words in (HELP | HTTP).items()]
    shipped = sorted((ROOT / "playbooks" / "alerts").glob("*.yaml"))
    mappings = [f"| `{one.stem}` | {load_mapping(one.stem, ROOT).title} |" for one in shipped]
    headers = _API_HEADERS.replace("{mappings}", _joined(mappings))
    return f"{_API}{_joined(reads)}\n{_API_ACTS}{_joined(acts)}\n{headers}{_joined(told)}"


def _field(field: Field) -> str:
    needed = " (required)" if field.needed else ""
    return f"`{field.name}`{needed}: {field.label}"


def _joined(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _right(right: str) -> str:
    return "any login" if right == "login" else f"`{right}`"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for mark, rows in (("classes", classes()), ("rules", rules())):
        text = text.replace(f"<!-- {mark} -->", "\n".join(rows))
    PAGE.write_text(text, encoding="utf-8")
