"""`gc`: the room that deleted models and unused uploads took is given back."""

from typing import Annotated

import typer

from modelwright.cli.client import NATIVE
from modelwright.cli.console import JsonOption, print_json, say
from modelwright.cli.figures import size
from modelwright.cli.server import HostOption, connect


def collect(
    grace: Annotated[str, typer.Option("--grace", help="Keep what came later than so long ago.")] = "24h",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Remove blobs that no revision of any model, no dataset and no run needs.

    It may run at any time, also while models are made and used.
    """
    with connect(host) as client:
        found = client.ask("POST", f"{NATIVE}/gc", {"grace": grace, "dry_run": dry_run})
    if as_json:
        print_json(found)
        return
    count = found["blobs"] + found["strays"]
    say(f"{'would remove' if dry_run else 'removed'} {count} files ({size(found['size'])})")
