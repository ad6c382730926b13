"""Pages of endpoints and of each dialect's coverage, from the server's own OpenAPI document."""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from fastapi import FastAPI

from modelwright.app import open_app
from modelwright.settings import load
from tools.docs.markdown import code, page, table
from tools.docs.refusals import refused

Schema = Mapping[str, Any]
Refusals = Mapping[str, list[str]]
Operation = tuple[str, str, Schema]


@cache
def openapi() -> Schema:
    """The document that a real server gives, here one with an empty data folder."""

    async def ask(home: str) -> Schema:
        async with open_app(load({"home": home, "engine": "echo"}, {})) as app:
            assert isinstance(app.asgi, FastAPI)
            return app.asgi.openapi()

    with tempfile.TemporaryDirectory() as home:
        return asyncio.run(ask(home))


def operations() -> Iterator[Operation]:
    """Each method and path of the document, with what it says of them."""
    for path, item in openapi()["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def endpoints() -> str:
    """List every endpoint, by what it belongs to."""
    groups: dict[str, list[Operation]] = {}
    for operation in operations():
        groups.setdefault(", ".join(operation[2].get("tags", ["Server"])), []).append(operation)
    sections = []
    for tag, found in groups.items():
        rows = [(method, code(path), about["summary"]) for method, path, about in found]
        sections += [f"## {tag}", table(["Method", "Path", "Does"], rows)]
    return page(
        "Endpoints",
        "`/openapi.json` has them for machines, `/docs` for reading. Each dialect is there a second time "
        "under its own name, such as `/ollama/api/chat` and `/openai/v1/models`.",
        *sections,
    )


def coverage(dialect: str, tag: str, *more: str) -> str:
    """Say what is read and what is refused, field by field, for one dialect; `more` follows."""
    not_yet = refused(dialect)
    sections = []
    for method, path, about in operations():
        if tag in about.get("tags", []):
            sections += [f"## {method} {path}", f"{about['summary']}.", *_body(about, not_yet)]
    return page(
        f"The {tag} dialect",
        "The requests, field by field. *Yes*: it is read and checked; where a single value is not supported, "
        "the error says so. *Not yet*: it is refused with a clear error when it asks for something, and "
        f"passed over when it is null, false or empty. What is not listed is ignored, as {tag}'s clients "
        "expect.",
        *sections,
        *more,
    )


def _body(operation: Mapping[str, Any], not_yet: Refusals) -> Iterator[str]:
    body = operation.get("requestBody")
    if body is None:
        return
    schema = body["content"]["application/json"]["schema"]
    if about := schema.get("description"):
        yield about
    rows = [
        (code(name), kind, "*not yet*" if late else "yes") for name, kind, late in _fields(schema, not_yet)
    ]
    yield table(["Field", "Type", "Read"], rows)


def _fields(schema: Schema, not_yet: Refusals, prefix: str = "") -> Iterator[tuple[str, str, bool]]:
    """Each field with its type, and whether it is refused; fields of listed objects follow their list."""
    for name, field in schema["properties"].items():
        late = name in not_yet.get(schema["title"], [])
        yield prefix + name, _type(field), late
        inner = field.get("items", {})
        if "properties" in inner and not late:
            yield from _fields(inner, not_yet, f"{prefix}{name}[].")


def _type(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(kind for each in schema["anyOf"] if (kind := _type(each)) != "null")
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))
