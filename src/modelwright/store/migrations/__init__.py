"""How the tables came to be: numbered steps, each in a transaction of its own.

A step that was released is never edited, and does not use tables.py: that
describes today. A kill between two steps leaves the first one applied and
recorded, a kill inside one leaves nothing of it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, insert, select, text

from modelwright.core.errors import Unsupported
from modelwright.store.migrations import (
    m0001_first,
    m0002_templates,
    m0003_linked_blobs,
    m0004_principals,
    m0005_grants,
    m0006_audit,
    m0007_cards,
    m0008_aliases,
    m0010_responses,
    m0020_runs,
    m0021_file_uploads,
    m0030_prompts,
    m0040_layers,
    m0041_templates,
    m0042_deployments,
    m0060_entities,
    m0063_particulars,
    m0067_leases,
    m0070_servers,
    m0071_newest,
)
from modelwright.store.tables import migrations

Step = Callable[[Connection], None]

STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("0001_first", m0001_first.apply),
    ("0002_templates", m0002_templates.apply),
    ("0003_linked_blobs", m0003_linked_blobs.apply),
    ("0004_principals", m0004_principals.apply),
    ("0005_grants", m0005_grants.apply),
    ("0006_audit", m0006_audit.apply),
    ("0007_cards", m0007_cards.apply),
    ("0008_aliases", m0008_aliases.apply),
    ("0010_responses", m0010_responses.apply),
    ("0020_runs", m0020_runs.apply),
    ("0021_file_uploads", m0021_file_uploads.apply),
    ("0030_prompts", m0030_prompts.apply),
    ("0040_layers", m0040_layers.apply),
    ("0041_templates", m0041_templates.apply),
    ("0042_deployments", m0042_deployments.apply),
    ("0060_entities", m0060_entities.apply),
    ("0063_particulars", m0063_particulars.apply),
    ("0067_leases", m0067_leases.apply),
    ("0070_servers", m0070_servers.apply),
    ("0071_newest", m0071_newest.apply),
)

_LOCK: Final = 0x6D6F64656C  # "model": no two servers migrate one PostgreSQL at a time


def apply_next(connection: Connection, steps: tuple[tuple[str, Step], ...] = STEPS) -> bool:
    """Apply the first missing step; False when none is missing.

    Raises Unsupported when a newer modelwright has been here.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)"
    )
    applied = set(connection.scalars(select(migrations.c.name)))
    if unknown := sorted(applied - {name for name, _ in steps}):
        raise Unsupported(
            f"the catalogue was made by a newer modelwright (step {unknown[0]})", hint="Upgrade modelwright"
        )
    for name, step in steps:
        if name not in applied:
            step(connection)
            connection.execute(insert(migrations).values(name=name, applied_at=datetime.now(UTC)))
            return True
    return False
