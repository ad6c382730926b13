"""Step 0020: runs of training, what they told, and datasets."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """Content that only we read is JSON in one column."""
    for statement in _STATEMENTS:
        connection.exec_driver_sql(statement)


_STATEMENTS = (
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        state TEXT NOT NULL,
        priority BIGINT NOT NULL,
        plan TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        started_at BIGINT,
        ended_at BIGINT,
        step BIGINT NOT NULL,
        steps BIGINT NOT NULL,
        error TEXT NOT NULL,
        revision BIGINT,
        metrics TEXT NOT NULL,
        extras TEXT NOT NULL
    )""",
    "CREATE INDEX runs_by_state ON runs (state, priority, created_at)",
    "CREATE INDEX runs_by_owner ON runs (owner, created_at)",
    """CREATE TABLE run_events (
        run_id TEXT NOT NULL REFERENCES runs (id),
        number BIGINT NOT NULL,
        at BIGINT NOT NULL,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (run_id, number)
    )""",
    """CREATE TABLE datasets (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        size BIGINT NOT NULL,
        owner TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        purpose TEXT NOT NULL,
        rows BIGINT NOT NULL,
        kind TEXT NOT NULL,
        faults BIGINT NOT NULL,
        expires_at BIGINT,
        extras TEXT NOT NULL
    )""",
    "CREATE INDEX datasets_by_owner ON datasets (owner, created_at)",
)
