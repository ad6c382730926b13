"""Step 0004: users, groups, tenants and keys; models have owners.

What was there before belongs to the local admin, whom nobody else can be.
"""

from typing import Final

from sqlalchemy import Connection

_TABLES: Final = (
    """CREATE TABLE accounts (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        created_at BIGINT NOT NULL
    )""",
    """CREATE TABLE principals (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        role TEXT NOT NULL,
        email TEXT,
        email_key TEXT,
        password TEXT,
        account TEXT NOT NULL,
        namespace TEXT NOT NULL UNIQUE,
        created_at BIGINT NOT NULL,
        deleted_at BIGINT
    )""",
    "CREATE UNIQUE INDEX principals_named ON principals (name_key) WHERE deleted_at IS NULL",
    "CREATE UNIQUE INDEX principals_mailed ON principals (email_key) WHERE deleted_at IS NULL",
    """CREATE TABLE groups_of_people (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL UNIQUE,
        created_at BIGINT NOT NULL
    )""",
    """CREATE TABLE members (
        group_id TEXT NOT NULL REFERENCES groups_of_people (id) ON DELETE CASCADE,
        principal_id TEXT NOT NULL REFERENCES principals (id),
        PRIMARY KEY (group_id, principal_id)
    )""",
    "CREATE INDEX members_by_principal ON members (principal_id)",
    """CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        hash TEXT NOT NULL,
        principal_id TEXT NOT NULL REFERENCES principals (id),
        label TEXT NOT NULL,
        session BIGINT NOT NULL,
        scopes TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT,
        used_at BIGINT,
        revoked_at BIGINT
    )""",
    "CREATE INDEX keys_of ON keys (principal_id)",
    "ALTER TABLE models ADD COLUMN owner TEXT NOT NULL DEFAULT 'local'",
    "CREATE INDEX models_owned ON models (owner)",
)


def apply(connection: Connection) -> None:
    """Make the tables; the names of people stay unique among those who are there."""
    for statement in _TABLES:
        connection.exec_driver_sql(statement)
