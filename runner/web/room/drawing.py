"""A report's page as HTML: the same blocks that a terminal shows, with headings, lists, tables and links.

No page is written twice: what a terminal says, the room says. Only the frame around it is the room's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, NamedTuple

import msgspec
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from runner.actions import Action, Verb
from runner.errors import TocsinError
from runner.reports.core.action_text import command_text, hint_text
from runner.reports.core.page import ARROW, Blank, Block, Cell, Ends, Page, Paragraph, Table, visible

_SCRIPTS = ("htmx.min.js", "left.js", "passkey.js", "push.js", "room.js", "worker.js")
STATIC = (*_SCRIPTS, "room.css", "room.webmanifest", "icon.svg")
"""The only files that a browser may ask for besides pages."""


_LISTS: Mapping[Verb, str] = {
    "alert.list": "incidents", "duty.list": "duties", "fact.missing": "missing", "fact.show": "facts",
    "incident.list": "incidents", "incident.next": "incident", "incident.status": "incident",
    "incident.timeline": "timeline", "message.list": "messages", "notice.list": "notices", "task.list": "tasks",
    "person.list": "people", "role.list": "people", "improvement.list": "exercises",
    "bulk.plan": "letters", "bulk.send": "letters", "bulk.resume": "letters", "bulk.status": "letters",
    "bulk.substitute": "letters", "notice.letters": "letters", "notice.sign_letters": "letters",
    "drill.schedules": "exercises", "drill.show": "exercise", "drill.end": "exercise", "audit.verify": "audit", "domain.list": "incident",
    "home.doctor": "administration", "entry.confirm": "incident", "entry.correct": "timeline", "evidence.describe": "evidence",
    "evidence.list": "evidence", "evidence.receive": "evidence",
}  # fmt: skip
"""The page of an action without a reference of its own."""
_KINDS = {
    "task": "task",
    "step": "task",
    "duty": "duty",
    "notice": "notice",
    "message": "message",
    "delivery": "message",
}
_PAGES: Mapping[Verb, str] = {"step.approve": "sign", "duty.record_filed": "file"}
"""The page of an action that has one of its own."""
_DUTY = re.compile(r"[a-z0-9-]+/[a-z0-9_-]+")
"""The id of a duty; that of a task has a number, that of a text the id of its task."""


_WORDS: Mapping[str, str] = {
    "duties": "See the duties", "missing": "Answer the questions", "facts": "See the facts", "fact": "State the fact",
    "incidents": "See the incidents", "incident": "See the status", "timeline": "See the timeline",
    "messages": "See the messages", "notices": "See the notices", "tasks": "See the tasks",
    "people": "See the people", "readiness": "See the readiness", "task": "Open the task",
    "duty": "Open the duty", "notice": "Open the notice", "message": "Open the message",
    "file": "See what is filed, and where", "sign": "Read and approve it", "approvals": "See the approvals",
    "changes": "See the changes", "consistency": "Compare the notices", "evidence": "See the evidence",
    "register": "See the register", "law": "See the laws", "provisions": "See the law",
    "exercises": "See the exercises", "exercise": "Open the exercise", "report": "Read the report",
    "improvement": "Open the action item", "audit": "See the record", "record": "See the record",
    "administration": "See the administration", "rights": "See why", "letters": "See the letters",
    "campaign": "Open the campaign", "samples": "Read the samples", "run": "Open the letters",
}  # fmt: skip
"""Of a link to a page where an action can be done. Who reads a page may have no terminal."""


def about(action: Action) -> str:
    """Return the reference of the page where an action belongs; empty if no page has it."""
    if listed := _LISTS.get(action.verb):
        shown = "&".join(f"{name}=1" for name in ("all", "why") if action.args.get(name) is True)
        return f"{listed}?{shown}" if shown else listed
    if action.verb == "fact.set" and isinstance(action.ref, str):
        return f"fact/{action.ref.rstrip('+-').removesuffix('.PLACE')}"
    if action.verb == "notice.render" and _DUTY.fullmatch(str(action.ref)):
        return f"duty/{action.ref}"
    kind = _PAGES.get(action.verb) or _KINDS.get(action.verb.partition(".")[0], "")
    return f"{kind}/{action.ref}" if kind and action.ref and isinstance(action.ref, str) else ""


_COMMANDS: Mapping[str, str] = {
    "account disable": 'use "Disable an account" on the page of the accounts',
    "account invite": 'use "Invite a person" on the page of the accounts',
    "alert list": "look at the alerts on the first page", "approve": 'approve it under "To approve"',
    "audit export": 'use "Export a bundle" on the page of the record',
    "audit verify": 'use "Verify now" on the page of the record', "brief": 'use "Hand over a role" on the status page',
    "bulk": "use the campaign on the page of letters", "bulk plan": "plan it on the page of letters",
    "bulk send": "send it on the page of the campaign", "call": "record the call on the page of the message",
    "cancel": 'use "Cancel the incident" on the status page', "close": 'use "Close the incident" on the status page',
    "confirm": 'another person uses "Confirm entry" on the status page',
    "correct": 'use "Mark an entry as wrong" on the timeline',
    "domain declare-up": 'use "Change a failure domain" on the status page of that incident',
    "drill end": 'use "End the exercise", then "Close the exercise", on the page of the exercise',
    "drill observe": "record them on the page of the exercise", "drill rate": "rate it on the page of the exercise",
    "drill report": 'use "Sign the report" on its page', "duties": "look at the legal duties",
    "duty decide": "decide on the page of the duty", "duty record-filed": "record the filing on the page of the duty",
    "evidence describe": 'use "Describe an evidence file" on its page',
    "fact set": "state it on the page of the facts", "fact show": "look on the page of the facts",
    "graft": 'use "Add a playbook" on the status page', "improvement add": "add them on the page of exercises",
    "link": "link them on the status page", "note": 'use "Add a note" on the status page',
    "message retry": 'use "Send this message again" on its page',
    "notice letters": 'use "Make letters" on the page of letters', "notice list": "look at the notices",
    "notice pull": "download it on the page of the notice",
    "notice render": 'use "Generate the notice" on the page of the notice or of its duty',
    "notice show": "look at the page of the notice", "notice sign-letters": "approve the letters on their page",
    "notice tick": "press the button of each item on the page of the notice",
    "open": 'use "Open an incident" on the first page', "reopen": 'use "Reopen the incident" on the status page',
    "role assign": 'use "Assign a role" on the status page', "status": "look at the status page",
    "task comment": "comment on the page of the task", "task done": "mark it as done on the page of the task",
    "task show": "look at the page of the task",
    "task start": "start it on the page of the task", "timeline": "look at the timeline",
    "unlink": 'use "End the link" on the status page',
}  # fmt: skip
"""What to do on a page in place of a command."""
_CALL = re.compile(
    r"(?P<run>\b[Rr]un:? | runs: )?tocsin (?P<one>[a-z-]+)(?: (?P<two>[a-z-]+))?(?: \S*[^\s.;,:])*"
)
_OPTION = re.compile(
    r"(?:\b(?P<verb>[Aa]dd|[Uu]se|[Nn]ame) )?--(?P<name>[a-z-]+)"
    r"(?:[ =](?:[A-Z_]+(?:=[A-Z]+)?\b|'[^']*'|\"[^\"]*\"))?"
)
Labels = Mapping[str, tuple[str, str]]
"""By the name of a field of a form: what a person does with it, and its label."""
_FIELDS: Labels = {name: ("fill in", name.capitalize()) for name in ("reason", "source", "grounds")}
"""Fields that each form of their kind has, for an error that is not about one form."""
_ALIASES = {"gap": "gaps", "duty": "duties", "rate": "rates", "drop-edits": "edits", "because": "why"}
"""The field of an option with another name."""


def page_hint(error: TocsinError) -> str:
    """Return the next step after an error of a form: a page where it can be done, or the words of the hint."""
    if error.action is not None and (where := about(error.action)):
        return _WORDS[re.split("[/?]", where, maxsplit=1)[0]]
    return hint_text(error)


def page_words(text: str, fields: Labels = _FIELDS) -> str:
    """Return a text with pages and fields in place of commands and options, where a page has the act."""
    labels = {**_FIELDS, **fields}

    def call(found: re.Match[str]) -> str:
        words = _COMMANDS.get(f"{found['one']} {found['two']}") or _COMMANDS.get(found["one"])
        if words is None:
            return found[0]
        run = found["run"] or ""
        if run == " runs: ":
            return f": {words}"
        return words[:1].upper() + words[1:] if not found.start() or run[:1] == "R" else words

    def option(found: re.Match[str]) -> str:
        name, verb = found["name"], found["verb"] or ""
        deed, label = labels.get(_ALIASES.get(name, name.replace("-", "_")), ("", ""))
        if not label:
            return found[0]
        if verb.lower() == "add":
            verb = deed.capitalize() if verb == "Add" else deed
        return f'{verb} "{label}"'.strip()

    return text if "at the server" in text else _OPTION.sub(option, _CALL.sub(call, text))


def error_words(error: TocsinError) -> tuple[str, str]:
    """Return an error and its next step, for a page about nothing else."""
    return page_words(error.message), page_words(page_hint(error))


_TIGHT = 14
"""Letters of a cell that is not broken."""
_NOTES = 4
"""Blocks in which the first heading of a page is."""


class Section(msgspec.Struct, kw_only=True):
    """A heading, and the HTML of all blocks under it."""

    heading: Markup = Markup()
    key: str = ""
    """For the ``id`` of the section: the same at each drawing."""
    parts: list[Markup] = []


class Drawn(NamedTuple):
    """A page as HTML."""

    mark: Markup
    """``EXERCISE``, or nothing."""
    notes: list[Markup]
    """Warnings above the first heading."""
    heading: Markup
    sections: list[Section]


def draw(
    page: Page, links: Callable[[str], str | None], here: str = "", *, acts: Callable[[], bool] = bool
) -> Drawn:
    """Return a page as HTML.

    ``links`` returns the address of a reference of a cell, empty without such a page, None if the reader may not read it. An action that belongs to
    another page than ``here`` is a link to it, and one of this page is a link to its forms if it has any (``acts``); any other is
    the command.
    """
    pen = _Pen(links, here, acts=acts)
    mark, notes, heading, sections = Markup(), [], Markup(), [Section(key="top", parts=[])]
    blocks = list(page.blocks)
    if blocks and isinstance(first := blocks[0], Paragraph) and first.cells[0].tone == "marking":
        mark = escape(first.cells[0].text)
        blocks.pop(0)
    start = next((n for n, block in enumerate(blocks[:_NOTES]) if _is_title(block)), None)
    if start is not None:
        notes = [part for block in blocks[:start] for part in pen.block(block)]
        heading = pen.inside(blocks[start])
        blocks = blocks[start + 1 :]
    for block in blocks:
        if _is_title(block):
            key = "".join(one for one in _cells(block)[0].text.lower() if one.isalpha())
            sections.append(Section(heading=pen.inside(block), key=key or "part", parts=[]))
        else:
            sections[-1].parts.extend(pen.block(block))
    return Drawn(mark, notes, heading, [one for one in sections if one.parts or one.heading])


def marked(text: str, wrong: Sequence[str]) -> Markup:
    """Return a text as HTML in which some words are marked, also where a line breaks inside them."""
    alike = [r"\s+".join(map(re.escape, words.split())) for words in sorted(wrong, key=len, reverse=True)]
    if not (alike := [one for one in alike if one]):
        return escape(text)
    pieces = re.split(rf"(?<!\w)({'|'.join(alike)})(?!\w)", text, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )


def _is_title(block: Block) -> bool:
    """Tell whether a block begins a section: its first words are a title at the left edge."""
    return (
        not isinstance(block, Table | Blank)
        and not block.indent
        and bool(_cells(block))
        and _cells(block)[0].tone == "title"
    )


def _cells(block: Block) -> tuple[Cell, ...]:
    match block:
        case Paragraph(cells=cells):
            return cells
        case Ends(left, right):
            return (*left, *right)
        case _:
            return ()


class _Pen:
    """Writes blocks for one reader."""

    def __init__(self, links: Callable[[str], str | None], here: str, *, acts: Callable[[], bool]) -> None:
        self._links = links
        self._here = here
        self._acts = acts

    def cell(self, cell: Cell) -> Markup:
        """Return a cell: a link if the reader has a page about it, otherwise words in its tone."""
        if cell.action is not None:
            command = Markup("<code>{}</code>").format(command_text(cell.action))
            where = about(cell.action)
            target = self._links(where)
            if target is None:  # the right to the page is the right to the command, too
                return Markup()
            if target == self._here and self._acts():
                command = Markup('<a href="#acts">{}</a>').format("See what you can do")
            elif target and target != self._here:
                words = _WORDS[re.split("[/?]", where, maxsplit=1)[0]]
                command = Markup('<a href="{}">{}</a>').format(target, words)
            return Markup(" <span class=do>{} {}</span>").format(visible(cell.text).strip(), command)
        if not cell.text:
            return Markup()
        text = escape(visible(cell.text))
        if cell.about and (target := self._links(cell.about)):
            text = Markup('<a href="{}">{}</a>').format(target, text)
        return text if cell.tone == "plain" else Markup("<span class={}>{}</span>").format(cell.tone, text)

    def cells(self, cells: Iterable[Cell]) -> Markup:
        """Return cells side by side."""
        return Markup("").join(map(self.cell, cells))

    def inside(self, block: Block) -> Markup:
        """Return the words of a block without an element around them."""
        match block:
            case Ends(left, right) if any(cell.text for cell in right):
                right_ = Markup(" ").join(self.cell(cell) for cell in right if cell.text)
                return Markup("{} <span class=end>{}</span>").format(self.cells(left), right_)
            case _:
                return self.cells(_cells(block))

    def block(self, block: Block) -> list[Markup]:
        """Return a block as elements."""
        match block:
            case Blank():
                return []
            case Table(rows=rows, titled=titled):
                return [self._table(rows, titled=titled)] if rows else []
            case _:
                cells = _cells(block)
                if len(cells) > 2 and cells[1].text.isspace():  # a row of a list: its time, then its words
                    rest = msgspec.structs.replace(block, **_without_first(block))
                    return [
                        Markup("<p class=row><span class=first>{}</span> <span>{}</span></p>").format(
                            self.cell(cells[0]), self.inside(rest)
                        )
                    ]
                kind, text = "detail" if block.indent > 4 else "line", self.inside(block)
                return [Markup("<p class={}>{}</p>").format(kind, text)] if text.strip() != ARROW else []

    def _table(self, rows: Sequence[tuple[Cell, ...]], *, titled: bool) -> Markup:
        written = [self._row(row, "th" if titled and not n else "td") for n, row in enumerate(rows)]
        head = Markup("<thead>{}</thead>").format(written.pop(0)) if titled else Markup()
        body = Markup("").join(written)
        return Markup("<table>{}<tbody>{}</tbody></table>").format(head, body)

    def _row(self, row: tuple[Cell, ...], kind: str) -> Markup:
        around = {"td": Markup('<td class="{}">{}</td>'), "th": Markup('<th scope=col class="{}">{}</th>')}[
            kind
        ]
        cells = (around.format("tight" if len(cell.text) <= _TIGHT else "", self.cell(cell)) for cell in row)
        return Markup("<tr>{}</tr>").format(Markup("").join(cells))


def _without_first(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph(cells=cells):
            return {"cells": cells[2:]}
        case Ends(left, _):
            return {"left": left[2:]}
        case _:
            return {}


@cache
def static_file(name: str) -> tuple[bytes, str]:
    """Return a file for browsers, and the address under which it never changes."""
    body = (resources.files("runner.web.room") / "static" / name).read_bytes()
    return body, f"/static/{sha256(body).hexdigest()[:12]}/{name}"


@cache
def templates() -> Environment:
    """Return the environment of the templates: everything is escaped, a missing value is an error."""
    folder = resources.files("runner.web.room") / "templates"
    made = Environment(
        autoescape=True,
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = lambda name: static_file(name)[1]
    return made


def render(name: str, block: str = "", **values: Any) -> str:
    """Return a template as text; with ``block`` only that part, so page and fragment cannot differ."""
    template = templates().get_template(name)
    if not block:
        return template.render(values)
    return "".join(template.blocks[block](template.new_context(values)))
