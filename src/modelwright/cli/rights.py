"""`grant`, `quota`, `audit`: who may what, how much of it, and who did."""

from typing import Annotated

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import JsonOption, note, print_json, print_table
from modelwright.cli.models import NameArgument
from modelwright.cli.people import UserArgument
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Invalid


def grant(
    model: NameArgument,
    principal: Annotated[
        str, typer.Argument(help="A user, user:NAME, group:NAME, account:NAME or everyone.")
    ] = "",
    level: Annotated[str, typer.Argument(help="use, read, derive, write or own; none takes it away.")] = "",
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Give somebody a right on a model; without one, show how it is shared."""
    if principal and not level:
        raise Invalid("no level is named", hint="It is use, read, derive, write, own or none")
    with connect(host) as client:
        if principal:
            body = {"model": model, "principal": principal, "level": level}
            answer = client.ask("POST", f"{NATIVE}/grants", body)
        else:
            answer = client.ask("GET", f"{NATIVE}/grants", query={"model": model})
    if as_json:
        print_json(answer)
    elif principal:
        note(f"{principal} has {level} on {model}")
    else:
        rows = [(each["to"].partition(":")[0], each["name"], each["level"]) for each in answer["grants"]]
        print_table(("KIND", "NAME", "LEVEL"), [("user", answer["owner"], "owner"), *rows])


def quota(
    user: UserArgument,
    name: Annotated[str, typer.Argument(help="models, bytes, streams, ...", show_default=False)] = "",
    most: Annotated[str, typer.Argument(help="The limit, or none.", show_default=False)] = "",
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Limit what a user may have or do; without a quota, show what limits it."""
    if name and most != "none" and not (most.isascii() and most.isdigit()):
        raise Invalid(f"the limit is {most!r}", field="most", hint="It is a whole number, or none")
    with connect(host) as client:
        if name:
            limit = None if most == "none" else int(most)
            client.ask("PUT", f"{NATIVE}/quotas", {"user": user, "quota": name, "most": limit})
        found = client.ask("GET", f"{NATIVE}/quotas", query={"user": user})
    if as_json:
        print_json(found)
        return
    rows = [(quota, "none" if limit is None else str(limit)) for quota, limit in found["quotas"].items()]
    print_table(("QUOTA", "LIMIT"), rows)


def audit(
    model: Annotated[str, typer.Option("--model", help="Only what was done to this model.")] = "",
    user: Annotated[str, typer.Option("--user", help="Only what this user did.")] = "",
    limit: Annotated[int, typer.Option("--limit", help="How many lines.", min=1, max=1000)] = 100,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Show who did what to which revision, the last first; counts, never prompts."""
    wanted = {"limit": str(limit), "model": model, "user": user}
    with connect(host) as client:
        query = {name: text for name, text in wanted.items() if text}
        entries = client.ask("GET", f"{NATIVE}/audit", query=query)["entries"]
    if as_json:
        print_json(entries)
        return
    rows = [
        (
            each["at"][:19],
            each["name"],
            each["action"],
            each["thing"] + (f"@{each['revision']}" if each["revision"] else ""),
            " ".join(f"{name}={value}" for name, value in each["detail"].items()),
        )
        for each in entries
    ]
    print_table(("AT", "WHO", "DID", "WHAT", "MORE"), rows)
