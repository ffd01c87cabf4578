"""``playbook graph``: a playbook as a picture or as Mermaid text, with the run of an incident on it where one is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.completing import incidents, playbooks
from runner.cli.options import Argument, Commands, Option, Scope, command
from runner.cli.session import Session
from runner.errors import Refused, Usage

if TYPE_CHECKING:
    from runner.views.chart import Chart

_ENDINGS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}


def add(group: Commands) -> None:
    """Add the command to ``playbook``."""
    command(group, "graph", Scope.ANYWHERE, formats=("text",))(graph)


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
    form = to or _ENDINGS.get(Path(out).suffix.lower(), "mermaid")
    if form not in _ENDINGS.values():
        raise Usage(f"nothing is drawn as '{form}'", hint="--to mermaid or --to svg")
    text = _drawn(_chart(session, name, incident), form)
    if not out:
        session.world.out.write(text)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}", hint="choose another file") from None
    session.say(f"wrote {out}")


def _chart(session: Session, name: str, incident: str) -> Chart:
    if incident:
        from runner.service.charts import chart_of_run

        return chart_of_run(name, session.incident(incident), session.desk)
    from runner.cli.catalogs import catalog
    from runner.service.charts import chart_of

    return chart_of(name, catalog(session))


def _drawn(chart: Chart, form: str) -> str:
    if form == "svg":
        from runner.views.chart_svg import svg

        return svg(chart)
    from runner.views.chart_mermaid import mermaid

    return mermaid(chart)
