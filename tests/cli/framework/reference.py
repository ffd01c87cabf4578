"""Generator of the reference page of the commands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from runner.cli.framework.commands import SECTIONS
from runner.cli.framework.environment import this_world
from runner.cli.framework.options import COMMON, declared
from runner.cli.framework.typer_app import application

_INTRODUCTION = """\
# Commands

This page is generated from the commands themselves. `tocsin COMMAND --help`, `-h` and `help COMMAND` show the same text.

## Every command

| option | meaning |
|---|---|
| `--home DIR` | Home folder. Default: `TOCSIN_HOME`, then the nearest `.tocsin` upwards, then the per-user folder. |
| `--format text\\|json` | Output format. JSON is stable and has a `schema`. `playbook validate` also writes `sarif`, `duties register` also `csv`. |
| `-i`, `--incident INCIDENT` | Id or codename. Default: the only open incident, or the active one (`tocsin use INCIDENT`). |
| `--as PERSON` | Your person id. Not verified. Default: `TOCSIN_PERSON`, then the system user. |
| `--on-behalf-of PERSON --via WAY` | Person you act for, and your contact with that person. Needs confirmation. |
| `--no-work` | Queue the work for a worker. |
| `--no-pager` | Write long output to the terminal, without a pager. |

Commands that only read have the first three options and `--no-pager`. Commands that write have all. The options may also stand before the command.
STEP is the id of a task, `id#n` for its n-th invocation, or its row number in `tocsin task list`. Row numbers never change.
INSTANT is RFC 3339 with an offset, a local time such as `2026-11-24 09:30` in the organisation's zone (shown with the zone; refused where the clocks change), `now`, or a time such as `2h ago`. `TOCSIN_PERSON` is your person id, for writing and for `status` and `next`.
`tocsin --install-completion` adds completion of commands, incidents, tasks and playbooks to the shell.
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
    own = [param for param in command.params if not _is_argument(param) and param.name not in COMMON]
    options = [_option(param) for param in own]
    lines = [f"### {path}\n", f"`{usage}`\n", words.strip() + "\n"]
    if options:
        lines.append("| option | meaning |\n|---|---|\n" + "\n".join(options) + "\n")
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
