"""Rows of the catalogue as values of the core, and back. No SQL here."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt
from modelwright.core.names import Name
from modelwright.core.revision import Alias, BlobRecord, Move, Revision, StoredModel
from modelwright.core.spec import canonical_json
from modelwright.core.weights import WeightFacts
from modelwright.store.file_state import FileState


def read_state(row: Row[Any]) -> FileState:
    return FileState(row.device, row.inode, row.size, row.modified)


def read_model(row: Row[Any]) -> StoredModel:
    name = Name(host=row.host, namespace=row.namespace, model=row.model, tag=row.tag)
    granted = getattr(row, "granted", 0)
    return StoredModel(
        name, read_revision(row), row.latest, row.updated_at, row.id, row.owner, granted, row.born_at
    )


def read_revision(row: Row[Any]) -> Revision:
    return Revision(
        number=row.number,
        spec=row.spec_digest,
        base=row.base_digest,
        parent=row.parent,
        manifest=row.manifest_digest,
        size=row.size,
        author=row.author,
        message=row.message,
        kind=row.kind,
        created_at=row.created_at,
        template=row.template_digest,
        card=row.card_digest,
    )


def read_alias(row: Row[Any]) -> Alias:
    return Alias(row.dialect, row.alias, row.scope)


def read_move(row: Row[Any]) -> Move:
    return Move(row.before, row.after, row.author, row.moved_at)


def read_blob(row: Row[Any]) -> BlobRecord:
    return BlobRecord(row.digest, row.size, None if row.facts is None else _read_facts(row.facts, row.digest))


def revision_values(model_id: int, revision: Revision) -> dict[str, object]:
    return {
        "model_id": model_id,
        "number": revision.number,
        "spec_digest": revision.spec,
        "base_digest": revision.base,
        "parent": revision.parent,
        "manifest_digest": revision.manifest,
        "size": revision.size,
        "author": revision.author,
        "message": revision.message,
        "kind": revision.kind,
        "created_at": revision.created_at,
        "template_digest": revision.template,
        "card_digest": revision.card,
    }


def write_facts(facts: WeightFacts) -> str:
    tree = {field.name: getattr(facts, field.name) for field in fields(facts)}
    return canonical_json({**tree, "metadata": dict(facts.metadata)}).decode()


def _read_facts(text: str, digest: Digest) -> WeightFacts:
    try:
        tree: Mapping[str, Any] = json.loads(text)
        return WeightFacts(**tree)
    except (ValueError, TypeError) as error:
        raise Corrupt(f"the stored facts of blob {digest} cannot be read") from error
