"""The reference page of the commands, written from the commands themselves so that the two cannot differ."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from runner.cli.framework.app import declared
from runner.cli.framework.commands import SECTIONS
from runner.cli.framework.environment import this_world
from runner.cli.framework.typer_app import application

EVERYWHERE = ("home", "format", "incident", "claimed", "on_behalf_of", "via", "no_work", "help")
_INTRODUCTION = """\
# Commands

This page is generated from the commands themselves. `tocsin COMMAND --help` says the same; so do `-h` and `help COMMAND`.

## Every command

| option | what it does |
|---|---|
| `--home DIR` | the home; else `TOCSIN_HOME`, else the nearest `.tocsin` upwards, else the per-user folder |
| `--format text\\|json` | text is for reading; JSON is stable and carries its `schema`. `playbook validate` also writes `sarif`, `duties register` also `csv` |
| `-i`, `--incident INCIDENT` | id or codename; may be left out when one incident is open or you chose one (`tocsin use INCIDENT`) |
| `--as PERSON` | who you say you are: a claim, and shown as one; else `TOCSIN_PERSON`, else the system user |
| `--on-behalf-of PERSON --via WAY` | for whom you do it, and how they told you; provisional |
| `--no-work` | leave what becomes due to a worker |

Commands that look take the first three, commands that write the rest as well. They may stand before the command, too.
STEP is a step's id, `id#n` for its n-th invocation, or its row number in `tocsin task list`; numbers never change.
INSTANT is RFC 3339 with an offset, `now`, or a time such as `2h ago`. `TOCSIN_PERSON` is who you are, for writing and for `status` and `next`.
`tocsin --install-completion` teaches the shell the commands, incidents, steps and playbooks.
"""


def reference_page() -> str:
    """Return the whole page as Markdown, one section for each of the help's."""
    commands = get_command(application(declared(), this_world())).commands  # type: ignore[attr-defined]  # the group's own
    parts = [_INTRODUCTION]
    for section, modules in SECTIONS.items():
        parts.append(f"## {section}\n")
        parts += [
            text for names in modules.values() for name in names for text in _entries(name, commands[name])
        ]
    return "\n".join(parts)


def _entries(path: str, command: Any) -> Iterator[str]:
    inside = getattr(command, "commands", None)
    if inside is None or command.invoke_without_command:
        yield _entry(path, command)
    if inside is None:
        return
    for name, one in inside.items():
        yield from _entries(f"{path} {name}", one)


def _entry(path: str, command: Any) -> str:
    words, _, example = inspect.cleandoc(command.help or "").partition("\b\n")
    arguments = [param.metavar or param.name.upper() for param in command.params if _is_argument(param)]
    usage = " ".join(["tocsin", path, *arguments])
    own = [param for param in command.params if not _is_argument(param) and param.name not in EVERYWHERE]
    options = [_option(param) for param in own]
    lines = [f"### {path}\n", f"`{usage}`\n", words.strip() + "\n"]
    if options:
        lines.append("| option | what it does |\n|---|---|\n" + "\n".join(options) + "\n")
    if example:
        code = "\n".join(line.strip() for line in example.splitlines()[1:])
        lines.append(f"```sh\n{code}\n```\n")
    return "\n".join(lines)


def _is_argument(one: Any) -> bool:
    return bool(one.param_type_name == "argument")


def _option(one: Any) -> str:
    names = "`, `".join((*one.opts, *one.secondary_opts))
    metavar = f" {one.metavar}" if one.metavar else ("" if one.is_flag else " TEXT")
    return f"| `{names}{metavar}` | {one.help} |"
