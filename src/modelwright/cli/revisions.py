"""`history`, `rollback`, `diff`: a model's past, in modelwright's own dialect."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import JsonOption, note, print_json, print_table, say
from modelwright.cli.figures import ago, moment, size
from modelwright.cli.models import NameArgument
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Invalid


def history(name: NameArgument, as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the revisions of a model, the newest first; * marks the one its name means."""
    with connect(host) as client:
        found = client.ask("GET", f"{NATIVE}/history", query={"model": name})
    if as_json:
        print_json(found)
        return
    now = datetime.now(UTC)
    rows = [_row(each, found["current"], now) for each in reversed(found["revisions"])]
    print_table(("", "REVISION", "ID", "SIZE", "KIND", "AUTHOR", "CREATED", "MESSAGE"), rows)


def rollback(
    name: NameArgument,
    revision: Annotated[int, typer.Argument(help="The number of the revision.", show_default=False, min=1)],
    host: HostOption = "",
) -> None:
    """Make a model one of its revisions again; the others are kept."""
    with connect(host) as client:
        client.ask("POST", f"{NATIVE}/rollback", {"model": name, "revision": revision})
    note(f"{name} is revision {revision} again")


def diff(
    before: Annotated[str, typer.Argument(help="A model, or a revision (mario@1).", show_default=False)],
    after: Annotated[
        str, typer.Argument(help="What to compare it with; else its last two revisions.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Show what differs between two models or revisions, what they inherit included."""
    with connect(host) as client:
        if not after:
            latest = client.ask("GET", f"{NATIVE}/history", query={"model": before})["revisions"][-1][
                "number"
            ]
            if latest == 1:
                raise Invalid(f"{before} has only one revision", hint="Name what to compare it with")
            before, after = f"{before}@{latest - 1}", f"{before}@{latest}"
        found = client.ask("GET", f"{NATIVE}/diff", query={"before": before, "after": after})
    if as_json:
        print_json(found)
        return
    if not found["changes"]:
        note(f"{before} and {after} do not differ")
    for change in found["changes"]:
        say(str(change["field"]))
        for sign, value in (("-", change["before"]), ("+", change["after"])):
            for line in [] if value is None else str(value).splitlines() or [""]:
                say(f"  {sign} {line}")


def _row(revision: dict[str, Any], current: int, now: datetime) -> tuple[str, ...]:
    digest = str(revision["digest"] or "")
    return (
        "*" if revision["number"] == current else "",
        str(revision["number"]),
        digest.removeprefix("sha256:")[:12],
        size(revision["size"]),
        revision["kind"],
        revision["author"],
        ago(moment(revision["created_at"]), now),
        revision["message"],
    )
