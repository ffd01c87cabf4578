"""Commands ``playbook graph`` and ``playbook card``: a playbook as a chart, and as a run card to print."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.completion import incidents, playbooks
from runner.cli.framework.home_catalogue import readable_home
from runner.cli.framework.options import (
    Argument,
    Commands,
    Option,
    ProfileOption,
    Scope,
    command,
    profile_of,
)
from runner.cli.framework.session import Session
from runner.errors import Usage, unwritable
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.base.states import Profile
    from runner.documents.tree import Document
    from runner.reports.charts.playbook_chart import Chart

Name = Annotated[str, Argument("NAME", "Name, NAME@VERSION or file.", autocompletion=playbooks)]
_ENDINGS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}
_CARDS = {".pdf": "pdf", ".txt": "txt"}
_FOREIGN = (
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".webp",
    ".pdf",
    ".svg",
    ".doc",
    ".docx",
    ".odt",
    ".rtf",
    ".html",
    ".htm",
)
"""Endings of formats that this command does not write."""


def add(group: Commands) -> None:
    """Add the commands to ``playbook``."""
    command(group, "graph", Scope.ANYWHERE)(graph)
    command(group, "card", Scope.ANYWHERE, formats=("text",))(card)


def graph(
    session: Session,
    name: Name,
    to: Annotated[
        str, Option("--to FORM", "Format: mermaid or svg. Default: the ending of FILE, then mermaid.")
    ] = "",
    out: Annotated[str, Option("--out FILE", "File to write. Default: the screen.")] = "",
    incident: Annotated[
        str,
        Option(
            "--incident, -i INCIDENT",
            "Id or codename of an incident, to show the state of each step.",
            autocompletion=incidents,
        ),
    ] = "",
    profile: ProfileOption = "",
) -> None:
    """Draw a playbook as a chart of steps, conditions and roles.

    \b
    Examples:
      tocsin playbook graph lost-device --out lost-device.svg
      tocsin playbook graph lost-device --incident amber-falcon --to svg --out now.svg
    """
    form = to or _form(Path(out), _ENDINGS, "mermaid")
    if form not in _ENDINGS.values():
        raise Usage(
            f'Chart format "{form}" is unknown.', hint="Use --to mermaid or --to svg", code="unknown_format"
        )
    chart = _chart(session, name, incident, profile)
    if session.json and not out:
        from runner.reports.charts.chart_text import chart_report

        session.show_json(chart_report(chart))
        return
    text = _drawn(chart, form)
    if not out:
        session.world.out.write(text)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(out, error) from None
    session.say(f"Wrote {out}")


def _form(out: Path, endings: Mapping[str, str], otherwise: str) -> str:
    """Return the format of a file ending; raises Usage for an ending of another format."""
    ending = out.suffix.lower()
    if ending in _FOREIGN and ending not in endings:
        raise Usage(
            f'The ending of "{out}" does not fit the format {ending.removeprefix(".").upper()}.',
            hint=f"Use an ending: {', '.join(endings)}, or add --to",
            code="unknown_ending",
        )
    return endings.get(ending, otherwise)


def _size(session: Session, profile: str) -> Profile:
    """Return the named profile, else that of the settings."""
    home = readable_home(session)
    return profile_of(profile) or (home.profile if home is not None else "large")


def _chart(session: Session, name: str, incident: str, profile: str) -> Chart:
    if incident:
        from runner.app.playbooks.playbooks import chart_of_run

        return chart_of_run(name, session.incident(incident), session.service)
    from runner.app.playbooks.playbooks import chart_of
    from runner.cli.framework.home_catalogue import catalog

    return chart_of(name, catalog(session), _size(session, profile))


def _drawn(chart: Chart, form: str) -> str:
    if form == "svg":
        from runner.reports.charts.chart_svg import svg

        return svg(chart)
    from runner.reports.charts.chart_text import mermaid

    return mermaid(chart)


def card(
    session: Session,
    name: Name,
    to: Annotated[
        str, Option("--to FORM", "Format: pdf or txt. Default: the ending of FILE, then txt.")
    ] = "",
    out: Annotated[str, Option("--out FILE", "File to write. Default for txt: the screen.")] = "",
    profile: ProfileOption = "",
    first_hour: Annotated[
        bool, Option("--first-hour", "One page: the first tasks, people, safe channel and insurer.")
    ] = False,
) -> None:
    """Create a run card to print, with phone numbers.

    The numbers are complete. Without a home folder, the card has only roles.

    \b
    Examples:
      tocsin playbook card lost-device --out lost-device.pdf
      tocsin playbook card ransomware --first-hour --profile small
    """
    from runner.documents.write import FORMATS, write

    wanted = to or _form(Path(out), _CARDS, "txt")
    form = next((name for name in FORMATS if name == wanted and name in ("pdf", "txt")), None)
    if form is None:
        raise Usage(
            f'Card format "{wanted}" is unknown.', hint="Use --to pdf or --to txt", code="unknown_format"
        )
    if form == "pdf" and not out:
        raise Usage("A PDF needs a file.", hint="Use --out card.pdf", code="option_missing")
    content = write(_card(session, name, _size(session, profile), first_hour=first_hour), form)
    if not out:
        session.world.out.write(content.decode())
        return
    from runner.cli.framework.output_files import private_file

    private_file(Path(out), content)
    session.say(
        f"Wrote {out}. The card can contain private numbers. Print the card, lock it away, delete the file."
    )


def _card(session: Session, name: str, profile: Profile, *, first_hour: bool) -> Document:
    from runner.app.messages.call_sheet import call_lines
    from runner.app.playbooks.cards import called, first_hour_card, run_card
    from runner.cli.framework.home_catalogue import catalog
    from runner.playbook.bundle import load_bundle
    from runner.playbook.profiles import bundle_of_profile
    from runner.reports.charts.playbook_chart import chart

    bundle = bundle_of_profile(load_bundle(name, catalog(session)), profile)
    now = session.world.clock.now()
    known = (session.folder / CONFIG).exists()
    lines = call_lines(session.service.directory, None) if known else ()
    if first_hour:
        return first_hour_card(bundle, profile, lines, now, session.service.home if known else None)
    if not known:
        return run_card(chart(bundle), called(bundle, ()), now, home=False)
    organisation = str(session.service.home.organisation.get("name", ""))
    return run_card(chart(bundle), called(bundle, lines), now, organisation=organisation)
