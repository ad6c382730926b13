"""Step 0071: the last changed models are found without a look at all others."""

from sqlalchemy import Connection


def apply(connection: Connection) -> None:
    connection.exec_driver_sql(
        "CREATE INDEX models_newest ON models (updated_at, id) WHERE deleted_at IS NULL"
    )
