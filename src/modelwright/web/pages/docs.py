"""The page at /docs: the OpenAPI document, laid out for reading."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from modelwright.web.pages.page import element, link, page, table

Tree = Mapping[str, Any]


def docs_page(document: Tree) -> str:
    """Render every operation of an OpenAPI document, group by group."""
    title = f"{document['info']['title']} {document['info']['version']}"
    groups: dict[str, list[str]] = {}
    for path, method, operation in _operations(document):
        group = next(iter(operation.get("tags", ())), "Other")
        groups.setdefault(group, []).append(_operation(path, method, operation))
    menu = " · ".join(link(f"#{_anchor(group)}", group) for group in groups)
    parts = [
        f'<h2 id="{_anchor(group)}">{escape(group)}</h2>{"".join(shown)}' for group, shown in groups.items()
    ]
    return page(
        title,
        element("h1", title),
        element("p", document["info"].get("description", "")),
        f"<nav>{menu} · {link('/openapi.json', 'as JSON')} · {link('/', 'home')}</nav>",
        *parts,
    )


def _operations(document: Tree) -> Iterator[tuple[str, str, Tree]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _operation(path: str, method: str, operation: Tree) -> str:
    head = (
        f"<summary>{element('span', method, f'method {method.lower()}')} {element('code', path)} "
        f"{element('span', operation.get('summary', ''), 'about')}</summary>"
    )
    return f"<details>{head}{''.join(_details(operation))}</details>"


def _details(operation: Tree) -> Iterator[str]:
    query = [(p["name"], p["schema"], p.get("required", False)) for p in operation.get("parameters", ())]
    if query:
        yield element("h3", "Query")
        yield _fields(query)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is None:
        if not query:
            yield element("p", "Takes nothing.")
        return
    if "description" in body:
        yield f"<p>{_prose(body['description'])}</p>"
    required = set(body.get("required", ()))
    yield element("h3", "Body (JSON)")
    yield _fields([(name, schema, name in required) for name, schema in body["properties"].items()])


def _fields(fields: list[tuple[str, Tree, bool]]) -> str:
    rows = [
        (
            element("code", name) + (" (required)" if required else ""),
            escape(_kind(schema)),
            escape(_remark(schema)),
        )
        for name, schema, required in fields
    ]
    return table(("Field", "Type", ""), rows)


def _kind(schema: Tree) -> str:
    """A schema's type in a few words."""
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "properties" in schema:
        return f"object ({', '.join(schema['properties'])})"
    return str(schema.get("type", "anything"))


def _remark(schema: Tree) -> str:
    """What there is to say about a field, its default, its bounds."""
    parts = [schema["description"]] if "description" in schema and "properties" not in schema else []
    if schema.get("default") not in (None, "", [], {}):
        parts.append(f"default {str(schema['default']).lower()}")
    bounds = (schema, *schema.get("anyOf", ()))
    low = next((each["minimum"] for each in bounds if "minimum" in each), None)
    high = next((each["maximum"] for each in bounds if "maximum" in each), None)
    if low is not None and high is not None:
        parts.append(f"{low:.12g} to {high:.12g}")
    if "maxItems" in schema:
        parts.append(f"at most {schema['maxItems']}")
    return ", ".join(parts)


def _prose(text: str) -> str:
    """Words, with what stands between backticks as code."""
    pieces = text.split("`")
    return "".join(
        element("code", piece) if index % 2 else escape(piece) for index, piece in enumerate(pieces)
    )


def _anchor(text: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in text.lower())
