"""``playbook graph`` and ``card``: a playbook as a picture or as Mermaid text, also with a run on it, and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.completion import incidents, playbooks
from runner.cli.framework.options import Argument, Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.errors import Refused, Usage
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.documents.tree import Document
    from runner.reports.charts.playbook_chart import Chart

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
"""Endings by which another program would open the file, and find something else in it."""


def add(group: Commands) -> None:
    """Add the commands to ``playbook``."""
    command(group, "graph", Scope.ANYWHERE)(graph)
    command(group, "card", Scope.ANYWHERE, formats=("text",))(card)


def graph(
    session: Session,
    name: Annotated[
        str, Argument(metavar="NAME", help="A name, NAME@VERSION or a file.", autocompletion=playbooks)
    ],
    to: Annotated[
        str, Option("--to", metavar="FORM", help="mermaid or svg; else what FILE ends in, else mermaid.")
    ] = "",
    out: Annotated[str, Option("--out", metavar="FILE", help="Where to write it; else it is printed.")] = "",
    incident: Annotated[
        str,
        Option(
            "--incident",
            "-i",
            metavar="INCIDENT",
            help="Id or codename: as pinned to it, with how far each step is.",
            autocompletion=incidents,
        ),
    ] = "",
) -> None:
    """Draw a playbook: what follows what, under which condition, who does it, by when.

    \b
    Examples:
      tocsin playbook graph lost-device --out lost-device.svg
      tocsin playbook graph lost-device --incident amber-falcon --to svg --out now.svg
    """
    form = to or _form(Path(out), _ENDINGS, "mermaid")
    if form not in _ENDINGS.values():
        raise Usage(f"nothing is drawn as '{form}'", hint="--to mermaid or --to svg", code="unknown_format")
    chart = _chart(session, name, incident)
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
        raise Refused(
            f"{out} cannot be written: {error.strerror}", hint="choose another file", code="file_unwritable"
        ) from None
    session.say(f"wrote {out}")


def _form(out: Path, endings: Mapping[str, str], otherwise: str) -> str:
    """Return the form that a file's ending asks for; raises Usage for one that promises another."""
    ending = out.suffix.lower()
    if ending in _FOREIGN and ending not in endings:
        raise Usage(
            f"{out} would hold no {ending.removeprefix('.').upper()}",
            hint=f"endings: {', '.join(endings)}; or say --to",
            code="unknown_ending",
        )
    return endings.get(ending, otherwise)


def _chart(session: Session, name: str, incident: str) -> Chart:
    if incident:
        from runner.app.playbooks.playbooks import chart_of_run

        return chart_of_run(name, session.incident(incident), session.service)
    from runner.app.playbooks.playbooks import chart_of
    from runner.cli.framework.session import catalog

    return chart_of(name, catalog(session))


def _drawn(chart: Chart, form: str) -> str:
    if form == "svg":
        from runner.reports.charts.chart_svg import svg

        return svg(chart)
    from runner.reports.charts.chart_text import mermaid

    return mermaid(chart)


def card(
    session: Session,
    name: Annotated[
        str, Argument(metavar="NAME", help="A name, NAME@VERSION or a file.", autocompletion=playbooks)
    ],
    to: Annotated[
        str, Option("--to", metavar="FORM", help="pdf or txt; else what FILE ends in, else txt.")
    ] = "",
    out: Annotated[
        str, Option("--out", metavar="FILE", help="Where to write it; a txt without one is shown.")
    ] = "",
) -> None:
    """Make a run card to print: who does what by when, and their telephone numbers, in clear. Without a home: roles only.

    \b
    Example:
      tocsin playbook card lost-device --out lost-device.pdf
    """
    from runner.documents.write import FORMATS, write

    wanted = to or _form(Path(out), _CARDS, "txt")
    form = next((one for one in FORMATS if one == wanted and one in ("pdf", "txt")), None)
    if form is None:
        raise Usage(f"no card is made as '{wanted}'", hint="--to pdf or --to txt", code="unknown_format")
    if form == "pdf" and not out:
        raise Usage("a PDF goes into a file", hint="--out card.pdf", code="option_missing")
    content = write(_card(session, name), form)
    if not out:
        session.world.out.write(content.decode())
        return
    from runner.cli.framework.output_files import private_file

    private_file(Path(out), content)
    session.say(
        f"wrote {out}: where it names people it holds private numbers; print it, lock it away, delete the file"
    )


def _card(session: Session, name: str) -> Document:
    from runner.app.messages.call_sheet import call_lines
    from runner.app.playbooks.run_card import called, run_card
    from runner.cli.framework.session import catalog
    from runner.playbook.bundle import load_bundle
    from runner.reports.charts.playbook_chart import chart

    bundle = load_bundle(name, catalog(session))
    now = session.world.clock.now()
    if not (session.folder / CONFIG).exists():
        return run_card(chart(bundle), called(bundle, ()), now, home=False)
    lines = call_lines(session.service.directory, None)
    organisation = str(session.service.home.organisation.get("name", ""))
    return run_card(chart(bundle), called(bundle, lines), now, organisation=organisation)
