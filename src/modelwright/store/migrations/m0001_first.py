"""Step 0001: the first tables."""

from typing import Final

from sqlalchemy import Connection

_TABLES: Final = (
    "CREATE TABLE specs (digest TEXT PRIMARY KEY, canonical {bytes} NOT NULL)",
    "CREATE TABLE small_blobs (digest TEXT PRIMARY KEY, content {bytes} NOT NULL)",
    """CREATE TABLE blobs (
        digest TEXT PRIMARY KEY,
        size BIGINT NOT NULL,
        facts TEXT,
        created_at BIGINT NOT NULL
    )""",
    """CREATE TABLE models (
        id {id},
        key TEXT NOT NULL,
        host TEXT NOT NULL,
        namespace TEXT NOT NULL,
        model TEXT NOT NULL,
        tag TEXT NOT NULL,
        current BIGINT NOT NULL,
        latest BIGINT NOT NULL CHECK (latest >= current AND current >= 1),
        updated_at BIGINT NOT NULL,
        deleted_at BIGINT
    )""",
    # A name is taken once; deleted models of the same name stay beside it.
    "CREATE UNIQUE INDEX models_taken ON models (key) WHERE deleted_at IS NULL",
    "CREATE INDEX models_named ON models (key)",
    "CREATE INDEX models_changed ON models (updated_at DESC, id DESC) WHERE deleted_at IS NULL",
    """CREATE TABLE revisions (
        model_id BIGINT NOT NULL REFERENCES models (id),
        number BIGINT NOT NULL CHECK (number >= 1),
        spec_digest TEXT NOT NULL REFERENCES specs (digest),
        base_digest TEXT,
        parent TEXT NOT NULL,
        manifest_digest TEXT,
        size BIGINT NOT NULL,
        author TEXT NOT NULL,
        message TEXT NOT NULL,
        kind TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (model_id, number)
    )""",
    """CREATE TABLE moves (
        id {id},
        model_id BIGINT NOT NULL REFERENCES models (id),
        before BIGINT NOT NULL,
        after BIGINT NOT NULL,
        author TEXT NOT NULL,
        moved_at BIGINT NOT NULL
    )""",
    "CREATE INDEX moves_of ON moves (model_id, id)",
)

_WORDS: Final = {
    "sqlite": {"bytes": "BLOB", "id": "INTEGER PRIMARY KEY AUTOINCREMENT"},
    "postgresql": {"bytes": "BYTEA", "id": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
}

_HISTORY: Final = ("revisions", "moves")

_REFUSE: Final = {
    "sqlite": (
        "CREATE TRIGGER {table}_keep_update BEFORE UPDATE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
        "CREATE TRIGGER {table}_keep_delete BEFORE DELETE ON {table} "
        "BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION {table}_keep() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        "CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION {table}_keep()",
    ),
}


def apply(connection: Connection) -> None:
    """Make the tables, and let no one rewrite history."""
    kind = connection.dialect.name
    for statement in _TABLES:
        connection.exec_driver_sql(statement.format(**_WORDS[kind]))
    for table in _HISTORY:
        for statement in _REFUSE[kind]:
            connection.exec_driver_sql(statement.format(table=table))
