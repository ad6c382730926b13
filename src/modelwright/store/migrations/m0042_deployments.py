"""Step 0042: deployments of models, and the servers that stand in front of them."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Content that only we read is JSON in one column."""
    for statement in _STATEMENTS:
        connection.exec_driver_sql(statement)


_STATEMENTS = (
    """CREATE TABLE deployments (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        model_id BIGINT NOT NULL REFERENCES models (id),
        revision BIGINT NOT NULL,
        owner TEXT NOT NULL,
        account TEXT NOT NULL,
        automatic BIGINT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        min_workers BIGINT NOT NULL,
        max_workers BIGINT NOT NULL,
        per_worker BIGINT NOT NULL,
        external TEXT,
        extras TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )""",
    "CREATE INDEX deployments_by_model ON deployments (model_id)",
    """CREATE TABLE model_servers (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        alias TEXT,
        owner TEXT NOT NULL,
        account TEXT NOT NULL,
        deployment TEXT NOT NULL,
        former TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        UNIQUE (account, alias)
    )""",
)
