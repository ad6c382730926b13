"""`deployment`: endpoints of models, and how many processes answer at each."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import JsonOption, note, print_json, print_section, print_table, say
from modelwright.cli.figures import ago, moment
from modelwright.cli.models import NameArgument
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Unavailable

DeploymentArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="DEPLOYMENT", help="The deployment's id.", show_default=False)
]
LeastOption: TypeAlias = Annotated[
    int | None, typer.Option("--min-workers", help="Processes that are kept loaded.", show_default=False)
]
MostOption: TypeAlias = Annotated[
    int | None, typer.Option("--max-workers", help="Processes under load.", show_default=False)
]
EachOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--per-worker", help="Answers at a time, above which another process starts.", show_default=False
    ),
]
RevisionOption: TypeAlias = Annotated[
    int | None, typer.Option("--revision", help="The revision that answers.", min=1, show_default=False)
]
DetachOption: TypeAlias = Annotated[bool, typer.Option("--detach", help="Do not wait until it is ready.")]

_PATH = f"{NATIVE}/deployments"


def ls(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Only those of this model.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """List the deployments of the models that you may know, the newest first."""
    with connect(host) as client:
        found = client.ask("GET", _PATH, query={"model": name} if name else None)["deployments"]
    if as_json:
        print_json(found)
        return
    now = datetime.now(UTC)
    rows = [
        (
            each["id"],
            each["name"],
            f"{each['model']}@{each['revision']}",
            each["status"],
            _workers(each),
            ago(moment(each["created_at"]), now),
        )
        for each in found
    ]
    print_table(("ID", "NAME", "MODEL", "STATUS", "WORKERS", "CREATED"), rows)


def show(
    deployment: DeploymentArgument,
    days: Annotated[int, typer.Option("--days", help="How far back to count.", min=1, max=36500)] = 30,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Show a deployment, and what it was asked."""
    since = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    with connect(host) as client:
        found = client.ask("GET", _at(deployment))
        used = client.ask("GET", f"{_at(deployment)}/usage", query={"since": since})
    if as_json:
        print_json(found | {"usage": used})
        return
    say(f"{found['id']}  {found['name']}  {found['status']}")
    if found["reason"]:
        say(found["reason"])
    say()
    external = f"  (answered by {found['external']})" if found["external"] else ""
    print_section("Model", [f"{found['model']}@{found['revision']}{external}"])
    print_section("Workers", [f"{_workers(found)}, each with {found['per_worker']} answers at a time"])
    figures = f"{used['prompt_tokens']} tokens read, {used['response_tokens']} written"
    print_section(f"Last {days} days", [f"{used['requests']} requests, {figures}"])


def create(
    name: NameArgument,
    called: Annotated[
        str, typer.Option("--name", help="What to call the deployment.", show_default=False)
    ] = "",
    revision: RevisionOption = None,
    least: LeastOption = None,
    most: MostOption = None,
    each: EachOption = None,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Deploy a model as it is now; later changes of the model do not change it."""
    body = {"model": name, "name": called or None, **_wanted(revision, least, most, each, detach)}
    with connect(host) as client:
        made = client.ask("POST", _PATH, body)
    _tell(made, as_json)


def scale(
    deployment: DeploymentArgument,
    revision: RevisionOption = None,
    least: LeastOption = None,
    most: MostOption = None,
    each: EachOption = None,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Change how many processes answer; what is not given stays as it is."""
    with connect(host) as client:
        changed = client.ask("PATCH", _at(deployment), _wanted(revision, least, most, each, detach))
    _tell(changed, as_json)


def remove(
    deployments: Annotated[
        list[str], typer.Argument(metavar="DEPLOYMENT...", help="Their ids.", show_default=False)
    ],
    host: HostOption = "",
) -> None:
    """End deployments; their models stay."""
    with connect(host) as client:
        for deployment in deployments:
            gone = client.ask("DELETE", _at(deployment))
            note(f"deleted {gone['id']} ({gone['name']})")


def _wanted(
    revision: int | None, least: int | None, most: int | None, each: int | None, detach: bool
) -> dict[str, Any]:
    workers = {"min_workers": least, "max_workers": most, "per_worker": each}
    return {"revision": revision, **workers, "wait": not detach}


def _tell(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        say(found["id"])
        note(f"{found['name']} of {found['model']}@{found['revision']} is {found['status']}")
    if found["status"] == "FAILED":
        raise Unavailable(f"the deployment {found['id']} failed: {found['reason']}")


def _workers(found: Mapping[str, Any]) -> str:
    return f"{found['min_workers']} to {found['max_workers']}"


def _at(deployment: str) -> str:
    return f"{_PATH}/{quote(deployment, safe='')}"
