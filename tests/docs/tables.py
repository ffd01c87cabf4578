"""The tables of docs/reference: message classes, rules, action templates, confidence of the law, from these themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from runner.app.core.rights import ROLES, Right
from runner.app.law.regimes import checked
from runner.playbook.action_template import ActionTemplate
from runner.playbook.catalogue import Catalog
from runner.reports.law.confidence import LEVEL_WORDS
from runner.routing.messaging import BUILT_IN_CLASSES, MessageClass
from runner.routing.rule_book import Rule, rule_book
from runner.web.room.acts.table import ACTING
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
who has a role in it.
"""


def web_pages() -> str:
    """Return the reference page of the room."""
    shown = [f"| {row.title or row.operation} | `{row.path}` | {_right(row.right)} |" for row in TABLE]
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


def _right(right: str) -> str:
    return "any login" if right == "login" else f"`{right}`"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for mark, rows in (("classes", classes()), ("rules", rules())):
        text = text.replace(f"<!-- {mark} -->", "\n".join(rows))
    PAGE.write_text(text, encoding="utf-8")
