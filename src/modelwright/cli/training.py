"""train, runs, logs, cancel, pause, resume: a model learns from a file.

Speaks the native routes; knows nothing of how a run goes.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, Final, TypeAlias

import typer

from modelwright.cli.client import NATIVE, Client
from modelwright.cli.console import JsonOption, note, print_json, print_table, say
from modelwright.cli.curve import curve
from modelwright.cli.figures import ago, moment
from modelwright.cli.models import NameArgument
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.names import Name

RunArgument: TypeAlias = Annotated[str, typer.Argument(help="The run's id.", show_default=False)]

WIDTH: Final = 60
HEIGHT: Final = 6
"""Columns and lines of the curve."""
LINE_SECONDS: Final = 2.0
"""Where there is no terminal, progress is told no more often."""
_LABELS: Final = 8
_Show: TypeAlias = Callable[[dict[str, Any], Sequence[float]], None]
_PIECE: Final = 1024 * 1024


def train(
    name: NameArgument,
    data: Annotated[
        str, typer.Option("--data", help="JSON lines, a JSON list, CSV or plain text.", show_default=False)
    ],
    method: Annotated[str, typer.Option("--method", help="sft, dpo or reward.")] = "sft",
    target: Annotated[
        str, typer.Option("--as", help="The model that gets the result, else the same.", show_default=False)
    ] = "",
    validation: Annotated[
        str, typer.Option("--validation", help="A file to measure by.", show_default=False)
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A hyperparameter: rank=16, steps=200, replay=0.4.", show_default=False),
    ] = None,
    rewards: Annotated[
        str, typer.Option("--rewards", help="A file with a JSON list of rewards.", show_default=False)
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Look at the data only: rows, tokens, faults.")
    ] = False,
    priority: Annotated[
        int, typer.Option("--priority", help="A higher one goes first.", min=-100, max=100)
    ] = 0,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait; needs a server.")] = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Train a model; it gets a new revision, and the old ones stay."""
    body = {**_plan(name, method, target, settings or (), rewards), "priority": priority}
    with connect(host, start=check or not detach) as client:
        body["dataset"] = upload(client, data)
        if check:
            _look(client, body, as_json)
            return
        if validation:
            body["validation"] = upload(client, validation)
        run = _run(client, body, quiet=as_json, detached=detach)
    _say_end(run, as_json=as_json, detached=detach)


def _run(client: Client, body: dict[str, Any], *, quiet: bool, detached: bool) -> dict[str, Any]:
    """Ask for a run, and follow it to its end unless it is `detached`."""
    run: dict[str, Any] = client.ask("POST", f"{NATIVE}/runs", body)
    if not detached:
        try:
            follow(client, run["id"], quiet=quiet)
        except KeyboardInterrupt:
            note(f'it goes on while a server runs: "modelwright logs -f {run["id"]}" follows it')
            note(f'"modelwright cancel {run["id"]}" ends it')
            raise
        run = client.ask("GET", f"{NATIVE}/runs/one", query={"run": run["id"]})
    return run


def runs(as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the runs of training, the newest first."""
    with connect(host) as client:
        found = client.ask("GET", f"{NATIVE}/runs")["runs"]
    if as_json:
        print_json(found)
        return
    now = datetime.now(UTC)
    rows = [
        (
            each["id"],
            str(Name.parse(each["target"])),
            each["method"],
            each["state"],
            f"{each['step']}/{each['steps']}" if each["steps"] else "",
            str(each["revision"] or ""),
            ago(moment(each["created_at"]), now),
        )
        for each in found
    ]
    print_table(("RUN", "MODEL", "METHOD", "STATE", "STEP", "REVISION", "CREATED"), rows)


def logs(
    run: RunArgument,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, to the end.")] = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Show what a run has told."""
    with connect(host) as client:
        if following and not as_json:
            follow(client, run)
            return
        found = client.ask("GET", f"{NATIVE}/runs/events", query={"run": run})["events"]
    if as_json:
        print_json(found)
        return
    for event in found:
        say(_line(event))


def cancel(run: RunArgument, host: HostOption = "") -> None:
    """End a run; it can be resumed from its checkpoint."""
    _change(run, "cancel", host)


def pause(run: RunArgument, host: HostOption = "") -> None:
    """Let a run rest."""
    _change(run, "pause", host)


def resume(run: RunArgument, host: HostOption = "") -> None:
    """Let a run go on that was paused or cancelled, or that failed."""
    _change(run, "resume", host)


def upload(client: Client, path: str) -> str:
    """Send a dataset; gives its id."""
    try:
        size = Path(path).stat().st_size
        with Path(path).open("rb") as file:
            query = {"name": Path(path).name}
            answer = client.send(f"{NATIVE}/datasets", _pieces(file), size, query=query)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    return str(answer["id"])


def follow(client: Client, run: str, *, quiet: bool = False) -> None:
    """Show a run as it goes: a bar and the loss's curve on a terminal, else lines."""
    losses: list[float] = []
    with _display(quiet) as show:
        for event in client.read_lines(f"{NATIVE}/runs/events", query={"run": run, "follow": "true"}):
            if event["kind"] == "progress":
                losses += [float(each["loss"]) for each in (*event.get("passed", ()), event)]
            show(event, losses)


@contextmanager
def _display(quiet: bool) -> Iterator[_Show]:
    if quiet:
        yield lambda event, losses: None
    elif sys.stderr.isatty():
        yield from _picture()
    else:
        yield _Lines().show


class _Lines:
    """A line for each event; of progress the last and one every few seconds."""

    def __init__(self) -> None:
        self._shown = datetime.min.replace(tzinfo=UTC)

    def show(self, event: dict[str, Any], losses: Sequence[float]) -> None:
        if event["kind"] == "progress":
            at = moment(event["at"])
            if event["step"] < event["steps"] and (at - self._shown).total_seconds() < LINE_SECONDS:
                return
            self._shown = at
        note(_line(event))


def _picture() -> Iterator[_Show]:
    """A bar, the figures and the curve of the loss; they stay when it ends."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    console = Console(stderr=True)

    def drawn(event: dict[str, Any], losses: Sequence[float]) -> Group:
        wide = max(min(console.width - _LABELS, WIDTH), 1)
        bar = ProgressBar(total=event["steps"], completed=event["step"], width=min(console.width, WIDTH))
        high = HEIGHT if console.height > 3 * HEIGHT else 1
        lines = [*curve(losses, wide, high), _figures(event)]
        return Group(*(Text(line, no_wrap=True, overflow="crop") for line in lines), bar)

    with Live(console=console, refresh_per_second=8) as live:

        def show(event: dict[str, Any], losses: Sequence[float]) -> None:
            if event["kind"] == "progress":
                live.update(drawn(event, losses))
            elif event["kind"] != "checkpoint":
                console.print(_line(event), markup=False, highlight=False)

        yield show


def _line(event: dict[str, Any]) -> str:
    """An event in words."""
    kind = event["kind"]
    if kind == "progress":
        return _figures(event)
    if kind == "evaluation":
        return f"step {event['step']}  measured: loss {event['loss']:.4f}{_measured(event)}"
    if kind == "started":
        return (
            f"{event['trained_parameters']:,} numbers are trained, over {event['parameters']:,} of the base, "
            f"on {event['device']} in {event['precision']}: {event['steps']} steps"
        )
    if kind == "published":
        return f"{Name.parse(event['model'])} has revision {event['revision']}"
    if kind == "checkpoint":
        return f"step {event['step']}  checkpoint"
    words = event.get("text") or event.get("error") or ""
    return words if kind == "note" else f"{kind} {words}".strip()


def _figures(event: dict[str, Any]) -> str:
    """Where a run is."""
    left = event.get("seconds_left", 0)
    return (
        f"step {event['step']}/{event['steps']}  loss {event['loss']:.4f}  "
        f"{event['tokens_per_second']:.0f} tokens/s  {_duration(left)} left{_measured(event)}"
    )


def _duration(seconds: float) -> str:
    """As 42 s, 3:07 min or 2:15 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    whole, unit = (seconds, "min") if seconds < 3600 else (seconds / 60, "h")
    return f"{int(whole // 60)}:{int(whole % 60):02} {unit}"


def _measured(event: dict[str, Any]) -> str:
    shown = [f"{name} {event[name]:.3f}" for name in ("accuracy", "reward", "kl") if name in event]
    if "groups" in event:
        shown.append(f"{event['groups_with_signal']:.0f} of {event['groups']:.0f} groups had a signal")
    return "".join(f"  {each}" for each in shown)


def _plan(name: str, method: str, target: str, settings: Iterable[str], rewards: str) -> dict[str, Any]:
    """The body of a request for a run, without its data."""
    body: dict[str, Any] = {"model": name, "method": method, "target": target}
    body["hyperparameters"] = dict(map(_setting, settings))
    if rewards:
        body["rewards"] = _json_file(rewards)
    return body


def _look(client: Client, body: dict[str, Any], as_json: bool) -> None:
    """Say what is in a dataset; raises Invalid when a line of it is bad."""
    asked = {name: str(body[name]) for name in ("dataset", "method", "model")}
    found = client.ask("GET", f"{NATIVE}/datasets/look", query=asked)
    if as_json:
        print_json(found)
        return
    kinds = ", ".join(f"{count} of the kind {kind}" for kind, count in found["kinds"].items())
    say(f"{found['rows']} rows ({kinds or 'none'}), {found['tokens'] or 0} tokens")
    for row in found["preview"]:
        say(f"  {str(row)[:100]}")
    for fault in found["faults"]:
        note(f"line {fault['line']}: {fault['problem']}. {fault['hint']}".rstrip(". "))
    if found["faulty"]:
        raise Invalid(f"{found['faulty']} lines are bad", field="data", hint="Mend them, or leave them out")


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f'"{text}" sets nothing', field="set", hint="Write a hyperparameter as name=value")
    if "," in value:
        return name, [part.strip() for part in value.split(",")]
    try:
        return name, int(value)
    except ValueError:
        pass
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _json_file(path: str) -> Any:
    import json

    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Invalid(f"{path} is not JSON: {error}") from error


def _pieces(file: IO[bytes]) -> Iterable[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _change(run: str, verb: str, host: str) -> None:
    with connect(host) as client:
        changed = client.ask("POST", f"{NATIVE}/runs/{verb}", {"run": run})
    note(f"{run} is {changed['state']}")


def _say_end(run: dict[str, Any], *, as_json: bool, detached: bool) -> None:
    """Say what became of a run; raises when that is nothing good."""
    if as_json:
        print_json(run)
    elif detached:
        say(run["id"])
        note(f'see it with "modelwright logs -f {run["id"]}"')
    _raise_failed(run)


def _raise_failed(run: dict[str, Any]) -> None:
    if run["state"] in ("failed", "cancelled"):
        raise ModelwrightError(f"run {run['id']} {run['state']}: {run['error']}".rstrip(": "))
