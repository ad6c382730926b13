"""`ps` and `stop`: what a server has loaded."""

from datetime import UTC, datetime
from typing import Any

from modelwright.cli.console import JsonOption, note, print_json, print_table
from modelwright.cli.figures import moment, size, until
from modelwright.cli.models import NameArgument
from modelwright.cli.server import HostOption, connect


def ps(as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the models that are loaded, and until when."""
    with connect(host, start=False) as client:
        models = client.ask("GET", "/api/ps")["models"]
    if as_json:
        print_json(models)
        return
    now = datetime.now(UTC)
    rows = [
        (
            each["name"],
            each["digest"][:12],
            size(each["size"]),
            processor(each),
            str(each["context_length"]),
            until(moment(each["expires_at"]), now),
        )
        for each in models
    ]
    print_table(("NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"), rows)


def stop(name: NameArgument, host: HostOption = "") -> None:
    """Unload a model; the next use loads it again."""
    with connect(host, start=False) as client:
        client.ask("POST", "/api/generate", {"model": name, "keep_alive": 0, "stream": False})
    note(f"stopped {name}")


def processor(running: dict[str, Any]) -> str:
    """Where a model is, in Ollama's words (cmd/cmd.go, ListRunningHandler)."""
    whole, on_gpu = int(running["size"]), int(running["size_vram"])
    if on_gpu == 0 or whole == 0:
        return "100% CPU"
    if on_gpu >= whole:
        return "100% GPU"
    share = round((whole - on_gpu) * 100 / whole)
    return f"{share}%/{100 - share}% CPU/GPU"
