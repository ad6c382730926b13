"""The page of commands: what `--help` says of each, word for word."""

from typing import Any

from modelwright.cli.main import COMMANDS, GROUPS, NAME, build, load
from tools.docs.markdown import page

_WIDTH = 100


def _help(command: Any, path: str) -> str:
    # Resilient: without arguments, and without complaint about the ones that are missing.
    context = command.make_context(path, [], resilient_parsing=True, terminal_width=_WIDTH)
    return f"```\n{command.get_help(context).rstrip()}\n```"


def commands() -> str:
    """Write the help text of every command."""
    found = dict(COMMANDS)
    for group, (_, entries) in GROUPS.items():
        found |= {f"{group} {name}": entry for name, entry in entries.items()}
    sections = [
        text
        for path, entry in found.items()
        for text in (f"## {NAME} {path}", _help(load(entry), f"{NAME} {path}"))
    ]
    return page(
        "Commands",
        "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Progress goes to stderr, results to "
        "stdout; `--json` makes them JSON.",
        _help(build(), NAME),
        *sections,
    )
