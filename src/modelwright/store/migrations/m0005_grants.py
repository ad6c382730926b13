"""Step 0005: who may do what with which model; which blobs somebody uploaded.

The starter that came with the package may be derived from by everyone.
"""

from typing import Final

from sqlalchemy import Connection

_STATEMENTS: Final = (
    """CREATE TABLE grants (
        model_id BIGINT NOT NULL REFERENCES models (id),
        subject TEXT NOT NULL,
        level BIGINT NOT NULL,
        granted_by TEXT NOT NULL,
        granted_at BIGINT NOT NULL,
        PRIMARY KEY (model_id, subject)
    )""",
    "CREATE INDEX grants_to ON grants (subject, model_id)",
    """CREATE TABLE reshares (
        base_id BIGINT NOT NULL REFERENCES models (id),
        wrapper_id BIGINT NOT NULL REFERENCES models (id),
        allowed_by TEXT NOT NULL,
        allowed_at BIGINT NOT NULL,
        PRIMARY KEY (base_id, wrapper_id)
    )""",
    """CREATE TABLE uploads (
        digest TEXT NOT NULL,
        principal_id TEXT NOT NULL,
        size BIGINT NOT NULL,
        uploaded_at BIGINT NOT NULL,
        PRIMARY KEY (digest, principal_id)
    )""",
    "CREATE INDEX uploads_of ON uploads (principal_id)",
    """INSERT INTO grants (model_id, subject, level, granted_by, granted_at)
        SELECT models.id, 'everyone', 3, 'modelwright', revisions.created_at FROM models
        JOIN revisions ON revisions.model_id = models.id AND revisions.number = models.current
        WHERE revisions.kind = 'bundled' AND models.deleted_at IS NULL""",
)


def apply(connection: Connection) -> None:
    """Make the tables, and one grant."""
    for statement in _STATEMENTS:
        connection.exec_driver_sql(statement)
