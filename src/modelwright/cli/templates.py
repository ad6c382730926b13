"""`template`: model templates, and models that are made of them."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from modelwright.cli.client import NATIVE, Client
from modelwright.cli.console import JsonOption, note, print_json, print_section, print_table, say
from modelwright.cli.models import NameArgument
from modelwright.cli.server import HostOption, connect
from modelwright.core.errors import Invalid

TemplateArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The template's name, perhaps with @ and a revision.", show_default=False)
]
SetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", help="An argument: temperature=0.2. Others are asked for.", show_default=False),
]
ArgumentsOption: TypeAlias = Annotated[
    str,
    typer.Option("--arguments", help="A JSON file with arguments; - is standard input.", show_default=False),
]

_TEXT: Final = "string"


def ls(as_json: JsonOption = False, host: HostOption = "") -> None:
    """List the templates that you may use."""
    with connect(host) as client:
        found = client.ask("GET", f"{NATIVE}/templates")["templates"]
    if as_json:
        print_json(found)
        return
    rows = [
        (each["name"], str(each["revision"]), each["author"] or "modelwright", each["description"])
        for each in found
    ]
    print_table(("NAME", "REVISION", "AUTHOR", "DESCRIPTION"), rows)


def show(template: TemplateArgument, as_json: JsonOption = False, host: HostOption = "") -> None:
    """Show what a template makes, and which arguments it takes."""
    with connect(host) as client:
        found = _fetch(client, template)
    if as_json:
        print_json(found)
        return
    tree = found["template"]
    say(f"{found['name']}@{found['revision']}  {tree['description']}".rstrip())
    say()
    print_section("Arguments", _described(tree["creation"]))
    print_section("Arguments of a request", _described(tree["request"]))
    print_section("Spec", json.dumps(tree["spec"], indent=2, ensure_ascii=False).splitlines())


def create(
    name: Annotated[str, typer.Argument(help="What to call the template.", show_default=False)],
    file: Annotated[
        str, typer.Option("--file", "-f", help="Its JSON; - is standard input.", show_default=False)
    ],
    share: Annotated[
        bool | None, typer.Option("--share/--private", help="Let others use it.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Keep a template, or a new revision of the one that has the name."""
    body: dict[str, Any] = {"name": name, "template": _json_file(file)}
    if share is not None:
        body["shared"] = share
    with connect(host) as client:
        kept = client.ask("POST", f"{NATIVE}/templates", body)
    if as_json:
        print_json(kept)
    else:
        note(f"{kept['name']} has revision {kept['revision']}")


def remove(template: TemplateArgument, host: HostOption = "") -> None:
    """Forget a template; models made of it stay."""
    with connect(host) as client:
        gone = client.ask("DELETE", f"{NATIVE}/templates", query={"template": template})
    note(f"deleted {gone['name']}")


def new_model(
    template: TemplateArgument,
    name: NameArgument,
    settings: SetOption = None,
    file: ArgumentsOption = "",
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Make a model of a template; on a terminal every argument not given is asked for."""
    with connect(host) as client:
        schema = _fetch(client, template)["template"]["creation"]
        given = _given(schema, settings, file)
        if sys.stdin.isatty() and not as_json and file != "-":
            given = _asked(schema, given)
        body = {"model": name, "template": template, "arguments": given}
        made = client.ask("POST", f"{NATIVE}/templates/make", body)
    _tell(made, as_json)


def remake(
    name: NameArgument,
    settings: SetOption = None,
    file: ArgumentsOption = "",
    latest: Annotated[
        bool, typer.Option("--latest", help="By the template's last revision, not the model's.")
    ] = False,
    as_json: JsonOption = False,
    host: HostOption = "",
) -> None:
    """Make a model again with some arguments changed; NAME= alone takes one away."""
    changes: dict[str, Any] = _json_file(file) if file else {}
    with connect(host) as client:
        schema = _remembered(client, name, latest)
        for text in settings or ():
            argument, value = _pair(text)
            changes[argument] = _read(value, _property(schema, argument)) if value else None
        body = {"model": name, "arguments": changes, "latest": latest}
        made = client.ask("POST", f"{NATIVE}/templates/remake", body)
    _tell(made, as_json)


def _tell(made: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
    elif made["changed"]:
        note(f"{made['model']} has revision {made['revision']}")
    else:
        note(f"{made['model']} is as it was")


def _fetch(client: Client, template: str) -> Any:
    return client.ask("GET", f"{NATIVE}/templates/one", query={"template": template})


def _remembered(client: Client, model: str, latest: bool) -> dict[str, Any]:
    """The arguments of what a model was made from; none where it was made otherwise."""
    origin = client.ask("GET", f"{NATIVE}/templates/origin", query={"model": model})["origin"]
    if not origin:
        return {}
    shipped = origin["template"].startswith("shipped-")
    name = origin["template"] if latest or shipped else f"{origin['template']}@{origin['revision']}"
    found: dict[str, Any] = _fetch(client, name)["template"]["creation"]
    return found


def _given(schema: Mapping[str, Any], settings: Sequence[str] | None, file: str) -> dict[str, Any]:
    given: dict[str, Any] = _json_file(file) if file else {}
    for text in settings or ():
        name, value = _pair(text)
        given[name] = _read(value, _property(schema, name))
    return given


def _asked(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and what a person says to the rest; silence gives nothing."""
    answers = dict(given)
    for name in _ordered(schema):
        if name in answers:
            continue
        each = schema["properties"][name]
        description = each.get("description", "") if isinstance(each, dict) else ""
        needed = name in schema.get("required", ()) and "default" not in _property(schema, name)
        shown = _written(each["default"]) if isinstance(each, dict) and "default" in each else ""
        text = typer.prompt(
            f"{name} ({description})" if description else name,
            default=None if needed else shown,
            show_default=bool(shown),
            err=True,
        )
        if text and text != shown:
            answers[name] = _read(text, _property(schema, name))
    return answers


def _described(schema: Mapping[str, Any]) -> list[str]:
    lines = []
    for name in _ordered(schema):
        each = _property(schema, name)
        kind = each.get("type") or (
            "one of " + ", ".join(map(_written, each["enum"])) if "enum" in each else "any"
        )
        low, high = each.get("minimum", ""), each.get("maximum", "")
        span = f" {low}..{high}" if low != "" or high != "" else ""
        need = ", required" if name in schema.get("required", ()) and "default" not in each else ""
        default = f", else {_written(each['default'])}" if "default" in each else ""
        about = f": {each['description']}" if each.get("description") else ""
        lines.append(f"{name} ({kind}{span}{need}{default}){about}")
    return lines


def _ordered(schema: Mapping[str, Any]) -> list[str]:
    """The names of the arguments, those that are needed first."""
    needed = schema.get("required", ())
    return sorted(schema.get("properties", {}), key=lambda name: name not in needed)


def _property(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The schema of an argument, with what a $ref into the same schema adds."""
    found = schema.get("properties", {}).get(name, {})
    if not isinstance(found, dict):
        return {}
    target: Any = schema
    for step in str(found.get("$ref", "")).split("/")[1:]:
        target = target.get(step, {}) if isinstance(target, dict) else {}
    return {**(target if "$ref" in found and isinstance(target, dict) else {}), **found}


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    """A text as its argument's type: as it stands, or as the JSON that it is."""
    if schema.get("type") == _TEXT:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid(f'"{text}" sets nothing', field="set", hint="Write an argument as name=value")
    return name, value


def _json_file(path: str) -> Any:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        found = json.loads(text)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Invalid(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid(f"{path} must hold a JSON object")
    return found
