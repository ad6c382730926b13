"""Step 0030: prompts that are answered later, and their answers."""

from typing import Final

from sqlalchemy import Connection

_BYTES: Final = {"sqlite": "BLOB", "postgresql": "BYTEA"}


def apply(connection: Connection) -> None:
    """Make the table, and the indexes by which the next and the old ones are found."""
    kind = _BYTES[connection.dialect.name]
    connection.exec_driver_sql(
        f"""CREATE TABLE prompts (
            id TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            state TEXT NOT NULL,
            priority BIGINT NOT NULL,
            asked TEXT NOT NULL,
            request {kind} NOT NULL,
            size BIGINT NOT NULL,
            tries BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            started_at BIGINT,
            ended_at BIGINT,
            outcome {kind}
        )"""
    )
    connection.exec_driver_sql("CREATE INDEX prompts_by_state ON prompts (state, created_at)")
    connection.exec_driver_sql("CREATE INDEX prompts_by_owner ON prompts (owner, started_at)")
