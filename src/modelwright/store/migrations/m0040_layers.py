"""Step 0040: which adapters and projectors a spec stands on, beside its base."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

_CHUNK: Final = 500
_DEPTH: Final = 17


def apply(connection: Connection) -> None:
    """Make the table, and fill it from the specs that there are."""
    connection.exec_driver_sql(
        """CREATE TABLE layers (
            digest TEXT NOT NULL,
            spec_digest TEXT NOT NULL,
            PRIMARY KEY (digest, spec_digest)
        )"""
    )
    connection.exec_driver_sql("CREATE INDEX revisions_of_spec ON revisions (spec_digest)")
    trees: dict[str, Mapping[str, Any]] = {}
    for row in connection.exec_driver_sql("SELECT digest, canonical FROM specs"):
        tree = json.loads(bytes(row.canonical))
        trees[row.digest] = {name: tree[name] for name in ("parent", "weights", "adapters") if name in tree}
    rows = [{"spec": spec, "digest": digest} for spec in trees for digest in sorted(_layers(spec, trees))]
    for start in range(0, len(rows), _CHUNK):
        statement = text("INSERT INTO layers (spec_digest, digest) VALUES (:spec, :digest)")
        connection.execute(statement, rows[start : start + _CHUNK])


def _layers(spec: str, trees: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The nearest projector, and adapters up to where a spec cleared them (null)."""
    found: set[str] = set()
    wanted = {"weights", "adapters"}
    for _ in range(_DEPTH):
        tree = trees.get(spec, {})
        for name in wanted & tree.keys():
            layers = tree[name] or ()
            found |= {_hex(layer["digest"]) for layer in layers if layer.get("role") != "model"}
        wanted -= {name for name in tree if name == "weights" or tree[name] is None}
        spec = _hex(tree.get("parent", {}).get("spec", ""))
    return found


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
