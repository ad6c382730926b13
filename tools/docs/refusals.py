"""Which fields of a dialect's requests are refused as not supported yet.

Read from the code that refuses them: calls of `refuse(request, "field", ...)`, where
the request is a parameter whose annotation names its wire type.
"""

import ast
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def refused(dialect: str) -> dict[str, list[str]]:
    """Map each wire type's name to its refused fields, spelled as on the wire."""
    folder = ROOT / "src" / "modelwright" / "dialects" / dialect
    types = {
        name: value
        for path in sorted(folder.glob("*wire.py"))
        for name, value in vars(
            importlib.import_module(f"modelwright.dialects.{dialect}.{path.stem}")
        ).items()
    }
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.py")):
        for type_name, field in _refusals(ast.parse(path.read_text())):
            shown = types[type_name].model_fields[field].alias or field
            for name in _kinds(types, types[type_name]):
                found.setdefault(name, []).append(shown)
    return found


def _kinds(types: Mapping[str, Any], wanted: type) -> Iterator[str]:
    """The names of a wire type and of those that have its fields from it."""
    return (name for name, value in types.items() if isinstance(value, type) and issubclass(value, wanted))


def _refusals(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        types = {given.arg: _type_name(given.annotation) for given in function.args.args if given.annotation}
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "refuse":
                request, *names = call.args
                yield from ((types[ast.unparse(request)], ast.literal_eval(name)) for name in names)


def _type_name(annotation: ast.expr) -> str:
    return ast.unparse(annotation).rpartition(".")[2]
