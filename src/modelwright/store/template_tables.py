"""The tables of model templates, deployments and model servers, as they are today."""

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from modelwright.store.tables import METADATA, Instant

model_templates: Final = Table(
    "model_templates",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("shared", BigInteger, nullable=False),
    Column("current", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("deleted_at", Instant),
)

template_revisions: Final = Table(
    "template_revisions",
    METADATA,
    Column("template_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("canonical", LargeBinary, nullable=False),
    Column("author", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

deployments: Final = Table(
    "deployments",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("model_id", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("automatic", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("min_workers", BigInteger, nullable=False),
    Column("max_workers", BigInteger, nullable=False),
    Column("per_worker", BigInteger, nullable=False),
    Column("external", Text),
    Column("extras", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

model_servers: Final = Table(
    "model_servers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("alias", Text),
    Column("owner", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("deployment", Text, nullable=False),
    Column("former", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
