"""Models as Open WebUI answers them: rows of a workspace, entries of its list.

Facts: open-webui 0.12.4, models/models.py, utils/models.py. Times are in seconds
since 1970.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from modelwright.core.revision import Revision
from modelwright.dialects.openwebui import entry
from modelwright.dialects.openwebui.entries import Found

_VERSIONS: Final = uuid.UUID("0d4f7d0c-58c0-4cf8-8c7a-9a4c7b5f1f02")
PAGE: Final = 30
HISTORY_PAGE: Final = 20


def version_id(key: str, number: int) -> str:
    """The id of a revision; the same whenever it is asked for."""
    return str(uuid.uuid5(_VERSIONS, f"{key}@{number}"))


def row(found: Found, base: str | None, grants: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A model as the product's table has it."""
    summary = found.summary
    return {
        "version_id": version_id(summary.key, found.version),
        "id": found.identifier,
        "user_id": summary.owner,
        "base_model_id": base,
        "name": found.title,
        "params": found.params,
        "meta": entry.shown_meta(found.card),
        "access_grants": list(grants),
        "is_active": found.card.active,
        "updated_at": seconds(summary.modified_at),
        "created_at": seconds(summary.created_at),
    }


def with_access(tree: dict[str, Any], found: Found, user: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row, with whose it is and whether the caller may change it."""
    return {**with_schema(tree, found), "user": user, "write_access": found.is_writable}


def with_schema(tree: dict[str, Any], found: Found) -> dict[str, Any]:
    """A row, with the variables that its system text asks a chat for."""
    fields = found.asks
    if fields:
        return {**tree, "meta": {**tree["meta"], "chat_variables_schema": {"fields": fields}}}
    return tree


def without_picture(tree: dict[str, Any]) -> dict[str, Any]:
    """A row in a list: pictures are fetched one by one."""
    return {**tree, "meta": {name: v for name, v in tree["meta"].items() if name != "profile_image_url"}}


def offered(found: Found, tree: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A model in GET /api/models; `tree` is its row."""
    summary = found.summary
    common = {
        "id": found.identifier,
        "name": found.title,
        "object": "model",
        "owned_by": "ollama" if summary.facts is not None else "openai",
        "connection_type": "local",
        "actions": [],
        "filters": [],
        "tags": [{"name": name} for name in found.card.tags],
    }
    if not found.is_entry:
        return {**common, **_provided(found)}
    info = without_picture(with_schema(tree, found))
    info["params"] = entry.public_params(entry.shown_params(found.view.spec, found.card))
    shown = {**common, "info": _with_defaults(info, defaults)}
    if found.is_preset:
        return {**shown, "created": seconds(summary.created_at), "preset": True}
    return {**shown, **_provided(found)}


def provider(found: Found) -> dict[str, Any]:
    """A model as others stand on it, whatever lies over it."""
    name = str(found.summary.name)
    common = {"id": name, "name": name, "object": "model", "owned_by": "ollama", "connection_type": "local"}
    return {**common, "tags": [], **_provided(found)}


def version(found: Found, revision: Revision, before: Revision | None) -> dict[str, Any]:
    """A revision in a model's history."""
    key = found.summary.key
    return {
        "id": version_id(key, revision.number),
        "model_id": found.identifier,
        "parent_id": None if before is None else version_id(key, before.number),
        "user_id": revision.author,
        "commit_message": revision.message or None,
        "created_at": seconds(revision.created_at),
        "user": {"name": revision.author},
    }


def snapshot(tree: Mapping[str, Any]) -> dict[str, Any]:
    """What a version of a model says, of its row."""
    meta = {name: value for name, value in tree["meta"].items() if name != "hidden"}
    kept = {name: tree[name] for name in ("name", "base_model_id", "params")}
    return {**kept, "meta": meta}


def tag_names(found: Sequence[Found]) -> list[str]:
    return sorted({name for each in found for name in each.card.tags})


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _with_defaults(info: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A row's meta with what all models have, where it says nothing itself."""
    meta = dict(info["meta"])
    for name, value in defaults.items():
        if name == "capabilities" and isinstance(value, dict):
            meta[name] = {**value, **(meta.get(name) or {})}
        elif meta.get(name) is None:
            meta[name] = value
    return {**info, "meta": meta}


def _provided(found: Found) -> dict[str, Any]:
    return {"created": 0, "ollama": _details(found), "loaded": False}


def _details(found: Found) -> dict[str, Any]:
    summary, facts = found.summary, found.summary.facts
    return {
        "name": str(summary.name),
        "model": str(summary.name),
        "digest": summary.digest.hex,
        "size": summary.size,
        "details": {
            "family": facts.architecture if facts else "",
            "parameter_size": facts.parameter_size if facts else "",
            "quantization_level": facts.file_type if facts else "",
        },
    }
