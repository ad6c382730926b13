"""Step 0008: what dialects call models, where that is no name of ours."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    """An alias goes when its model is deleted, so that it can be taken again."""
    connection.exec_driver_sql(
        """CREATE TABLE aliases (
            dialect TEXT NOT NULL,
            scope TEXT NOT NULL,
            alias TEXT NOT NULL,
            model_id BIGINT NOT NULL REFERENCES models (id),
            added_at BIGINT NOT NULL,
            PRIMARY KEY (dialect, scope, alias)
        )"""
    )
    connection.exec_driver_sql("CREATE INDEX aliases_of ON aliases (model_id)")
    connection.exec_driver_sql("CREATE INDEX aliases_named ON aliases (alias)")
