"""The page of rights: who gets what from which route, every cell from a run."""

from collections.abc import Mapping, Sequence

from tools.docs.markdown import code, page, table
from tools.docs.rights_walk import ACTORS, KINDS, Cell, walked

_HEADS: Mapping[str, str] = {
    "anonymous": "nobody",
    "stranger": "another user",
    "use": "use",
    "read": "read",
    "derive": "derive",
    "write": "write",
    "owner": "owner",
    "admin": "admin",
}

_KINDS: Mapping[str, str] = {
    "foreign": "Somebody else's model, on which one has what the column says",
    "revoked": "The same, after it was taken back",
    "absent": "A model that is not there",
    "own": "One's own model",
    "baseless": "Somebody else's model that follows a base, after that was taken back",
}


def rights(cells: Sequence[Cell] | None = None) -> str:
    """What came of a walk through all routes; of one of its own where none is given."""
    cells = walked() if cells is None else cells
    sections: list[str] = []
    for kind in sorted(KINDS, key=list(_KINDS).index):
        sections += [f"## {_KINDS[kind]}", _table([cell for cell in cells if cell.kind == kind])]
    sections += ["## Where no model is named", _table([cell for cell in cells if not cell.kind])]
    return page(
        "Rights",
        "Made by trying: a server was started, and each route asked by each of these on a model of each "
        "kind. *ok* is any success (where no model is named: let in); the numbers are HTTP statuses. "
        "A 404 for a model that may not be known is, byte by byte, that for a model that is not there. "
        "A dialect's second place, such as `/ollama/api/show`, has the same doors, and is tried by everybody "
        "on somebody else's model.",
        *sections,
    )


def _table(cells: Sequence[Cell]) -> str:
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for cell in cells:
        rows.setdefault((cell.verb, cell.call[1], cell.call[0]), {})[cell.actor] = cell.outcome
    lines = [
        (code(f"{method} {path}"), verb, *(found.get(actor, "-") for actor in ACTORS))
        for (verb, path, method), found in sorted(rows.items())
    ]
    return table(["Route", "Verb", *(_HEADS[actor] for actor in ACTORS)], lines)
