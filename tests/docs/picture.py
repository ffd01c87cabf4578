"""The picture of a run in the documentation: a real incident's status, drawn as a terminal draws it.

``make golden`` writes ``docs/_static/run.svg``; a test compares it with what the program shows today.
"""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI

from runner.base.actor import Principal
from runner.cli.framework.environment import World
from runner.cli.framework.session import Options, Session
from runner.cli.incidents.status import read_status
from runner.reports.incidents.live_status import Scrolled
from runner.reports.incidents.status_page import status_page
from tests.cli.at_desk import no_process
from tests.docs.consoles import ROOT, Desk

PICTURE = ROOT / "docs" / "_static" / "run.svg"
WIDTH, HEIGHT = 104, 34
EXAMPLES = ROOT / "playbooks" / "examples"
_FONT = re.compile(r" *@font-face \{\{.*?\}\}\n", re.DOTALL)

SETTINGS = """\
schema: tocsin/home/v1
organisation: {country: NL, zone: Europe/Amsterdam, language: en, established_in: [NL], does_business_in: [NL, US-CA]}
people:
  ana: {name: Ana, contacts: [{channel: corporate-mail, address: ana@corp.example}, {channel: pager, address: ana}]}
  ben: {name: Ben, contacts: [{channel: corporate-mail, address: ben@corp.example}]}
roles: {commander: [ana], technical: [ana], communications: [ana], counsel: [ben], dpo: [ben]}
channels:
  corporate-mail:
    adapter: smtp
    domains: [m365-tenant]
    settings: {host: mail.corp.example, sender: incident@corp.example}
  pager: {adapter: console, confidentiality: confidential}
"""

RUN = (
    f"open personal-data-breach --facts veris:{EXAMPLES / 'veris' / 'kpn-2012.json'} "
    f"--facts {EXAMPLES / 'demo-facts.yaml'} --compromised m365-tenant --as ana --yes",
    "call d-4 --reached --as ana",
    "task check triage --all --as ana",
    "task done triage --as ana",
)


def draw(folder: Path) -> str:
    """Work the incident in a folder and return its status as SVG; it refers to nothing outside itself."""
    desk = Desk(folder)
    desk.type("tocsin init --home .tocsin --as ana", ())
    (folder / ".tocsin" / "tocsin.yaml").write_text(SETTINGS, encoding="utf-8")
    for words in RUN:
        desk.type(f"tocsin {words}", ())
    desk.clock.advance(timedelta(minutes=17))
    world = World(
        inp=io.StringIO(),
        out=io.StringIO(),
        err=io.StringIO(),
        environ={},
        cwd=folder,
        clock=desk.clock,
        chance=desk.chance,
        who=lambda claimed: Principal(person=claimed or "ana", host="desk", os_user="ana"),
        spawn=no_process,
    )
    console = Console(
        record=True,
        width=WIDTH,
        height=HEIGHT,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        _environ={},
    )
    with Session(world, Options()) as session:
        console.print(Scrolled(status_page(read_status(session, session.incident()), brief=True)))
    text = console.export_svg(
        title="tocsin status",
        theme=MONOKAI,
        code_format=_FONT.sub("", CONSOLE_SVG_FORMAT),
        unique_id="tocsin",
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
