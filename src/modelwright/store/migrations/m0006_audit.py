"""Step 0006: the log of what was done; quotas and what counts to them."""

from typing import Final

from sqlalchemy import Connection

_TABLES: Final = (
    """CREATE TABLE audit (
        id {id},
        at BIGINT NOT NULL,
        principal_id TEXT NOT NULL,
        principal TEXT NOT NULL,
        action TEXT NOT NULL,
        thing TEXT NOT NULL,
        model_id BIGINT,
        revision BIGINT,
        detail TEXT NOT NULL
    )""",
    "CREATE INDEX audit_of_model ON audit (model_id, id)",
    "CREATE INDEX audit_of_principal ON audit (principal_id, id)",
    """CREATE TABLE quotas (
        principal_id TEXT NOT NULL,
        quota TEXT NOT NULL,
        most BIGINT NOT NULL,
        PRIMARY KEY (principal_id, quota)
    )""",
    """CREATE TABLE tokens_of_days (
        principal_id TEXT NOT NULL,
        day BIGINT NOT NULL,
        tokens BIGINT NOT NULL,
        PRIMARY KEY (principal_id, day)
    )""",
)

_ID: Final = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "postgresql": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}

_REFUSE: Final = {
    "sqlite": (
        "CREATE TRIGGER audit_keep_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
        "CREATE TRIGGER audit_keep_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$",
        "CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_keep()",
    ),
}


def apply(connection: Connection) -> None:
    """Make the tables, and let no one rewrite the log."""
    kind = connection.dialect.name
    for statement in _TABLES:
        connection.exec_driver_sql(statement.format(id=_ID[kind]))
    for statement in _REFUSE[kind]:
        connection.exec_driver_sql(statement)
